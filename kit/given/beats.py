"""The beats that every plot shares at its two ends: openings and endings."""

OPENINGS = """
open:
- once upon a time there was a~ [<trait>|<small>|<trait>, <trait>] {h.kind} [named|called] {h}, who
  [lived|had a home] {land}. <habit?>
- once upon a time, {land}, there lived a~ <trait> {h.kind} [named|called|by the name of] {h}.
  <habit?>
- there once was a~ {h.kind} [named|called] {h}. {h} lived {land} and [loved|liked nothing better
  than] <like_doing>.
- "[Dreamy|Curious|Merry|Little|Sunny|Busy|Funny|Lively|Clever] {h}" was what everyone called the
  {h.kind} who lived {land}. <habit?>
- {h} was a~ <trait> {h.kind} who loved <like_doing>[| and <like_doing>]. <house?>
- {h} was a~ <trait> {h.kind}, and {he} lived {land}. <habit?>
- {land} lived a~ {h.kind} [named|called] {h}. [Most of all,|More than anything else,|Every single
  day] {he} [liked|loved] <like_doing>.
- [this is the story of|here is a story about|let me tell you about] {h}, a~ <trait> {h.kind} who
  lived {land}. <habit?>
- [do you know {h}?|have you met {h}?|who is {h}?] {he} is the <trait> {h.kind} from the {home}
  <around>. This is what happened to {him} [one day|one <weather> <daytime>|last <season>].
- [when|the moment|as soon as] the sun came up, {h} [hopped|jumped|rolled|tumbled] out of bed. {he}
  was a~ <trait> {h.kind}, and {he} [never liked to miss a minute|had big plans|was as hungry as a
  bear|could not wait to see what the day would bring].
- long ago, {land}, a~ {h.kind} named {h} [made friends with everyone {he} met|had a new idea every
  day|woke up each morning with a song]. <habit?>
c- in a~ <pattern> <clothing> and <color> <footwear>, {h} was easy to spot. <habit?>
w- in a~ <pattern> <clothing> and <color> <footwear>, {h} the {h.kind} was easy to spot. <habit?>
- everybody <around> knew {h}, because {he} was always <like_doing>.
- nobody loved <like_doing> more than {h} did. {h} was a~ <trait> {h.kind} who lived {land}.
- {h} had three favorite things: <treats>, <game>, and {his} <old> <color> <clothing>.
- if you had walked past a certain {home} <around>, you would have [seen|met|heard] {h}, a~ <trait>
  {h.kind} who loved <like_doing>.
- there were [many|lots of|plenty of] {h.kinds} <around>, but only one of them was [called|named]
  {h}. <habit?>
- [<number>|a hundred] steps from {out} stood a~ {home} with a~ <color> door. That was where {h},
  a~ <trait> {h.kind}, lived. <habit?>
- {h} had a pocket full of <treasures> and a head full of ideas. <house?>
w- in the wood, where the <tree> trees grow, there was a~ {home} with a~ <color> door, and behind
  the door lived {h}, a~ <trait> {h.kind}. <habit?>
w- every animal <around> knew {h}. {he} was the {h.kind} with the <pattern> <clothing>. <habit?>
c- {h} was <few> and a half years old, and {he} loved <like_doing>. {he} lived {land}.
c- on the day {h} turned <few>, {he} was the happiest {h.kind} <around>. That was a while ago, and
  {he} still loved <like_doing>.
c- {h} lived {land} with {g}, a cat, and a great many <treasures>. <habit?>

open_day:
- <open>
- it was a~ <weather> <daytime>, and {h} was [up early|already awake|wide awake|out of bed before
  anyone else]. <habit?>
- one <weather> <daytime>, a~ <trait> {h.kind} [named|called] {h} was [out|busy] <like_doing>.
- one <weather> <daytime> in <season>, {h} [put on|pulled on|buttoned up] {his} <pattern>
  <clothing> and [stepped outside|opened the front door|looked up at the sky|took a deep breath].
  <air?>
- the <weather> <daytime> smelled of <smell>. {h}, a~ <trait> {h.kind}, [sniffed the air|took a big
  sniff|breathed in deep] and <smiled>.
- on a~ <weather> <daytime>, <few> <bird>s were [singing|chattering|hopping about] outside the
  window of {h}, a~ <trait> {h.kind}. <<h call: Good morning, everybody! / [I am up!|Wait for
  me!|What shall we do today?]>>

brief:
- {h} was a~ <trait> {h.kind}. [Most of all {he} loved|{he} was good at|{he} had a liking for]
  <like_doing>.
- once there was a~ <trait> {h.kind} [named|called] {h}.
- {h} was a~ <trait> {h.kind} [with a~ <color> <clothing>|who lived {land}|with a~ <old> <color>
  <clothing>].
- {land} lived a~ <trait> {h.kind}, and {his} name was {h}.
- a~ <trait> {h.kind} lived {land}. {his} name was {h}.
- this happened to a~ <trait> {h.kind} [named|called] {h}[, who lived {land}|, not so very long
  ago|].
- {h}, a~ <trait> {h.kind}, lived {land} and loved <like_doing>.

habit:
- {he} [loved|liked|was fond of|was very good at|never got tired of] <like_doing>.
- {his} favorite thing [of all |in the whole world |]was <like_doing>.
- [all day long|most days|on <weather> days|in the <season>] {he} could be found <like_doing>.
- [some like sweets and some like songs, but|other {h.kinds} had other hobbies, but] {h} liked
  <like_doing>.
- {he} always wore a~ <color> <clothing>[, even in bed|, rain or shine|], and {he} loved
  <like_doing>.
- %when there was nothing else to do%{he} spent {his} time <like_doing>%.
- {he} loved two things: <like_doing> and <like_doing>.
- {he} had a laugh like [a bell|a brook|bubbles] and a great love of <like_doing>.

house:
- {he} lived {land}.
- {his} {home} was <small> and [warm|snug|cozy|bright], and it always smelled of <smell>.
- {his} {home} had [a~ <color> door|a~ <old> gate|round windows|a chimney made of <material>] and
  [a~ <old> <furniture> by the fire|a~ <flower> in every window|a~ <tree> tree in front].
- from {his} window {he} could see [the whole sky|the hills|a~ <big> <tree> tree].

air:
- the air smelled of <smell>.
- somewhere there was <sound>.
- a~ <bird> was singing in the <tree> tree.
- the [sky was as blue as|world looked as fresh as|day felt as new as] [paint|a~ <flower>|an egg].
- [clouds like <small> sheep|a few fluffy clouds|long thin clouds] [drifted by|floated past|crossed
  the sky].
- [a breeze tickled|the sun tickled|the cool air tickled] {his} nose.
- dew [shone|sparkled|lay] on the grass [like beads|like tiny stars|like sugar].
"""

ENDINGS = """
end:
- that [night|evening], {h} [fell asleep|went to sleep|closed {his} eyes] with a smile[ on {his}
  face|].
- that night, the [moon|stars] [shone|looked] in at the window, and {h} [slept soundly|dreamed of
  <like_doing>|was already fast asleep].
- [at bedtime|that evening|when the day was over], {h} told {g} [all about it|the whole
  story|everything, from start to finish], and {g} [listened to every word|smiled and smiled|kissed
  {him} good night].
- they [walked|skipped|strolled] home together, [singing all the way|under a~ <color> sky|just in
  time for <soup>|with the smell of <smell> in the air].
- and [then|after that] they all [had|shared] <drink> and <treats>.
- <<g soft: [I am proud of you|I am so proud of you|What a day you had|You did well today], {h}. /
  [Now it is time for bed.|Sleep tight.|Sweet dreams.|Come and have some <soup>.]>>
- the sun [went down|set|sank behind the <tree> trees], and [all was well|everyone went home
  happy|it had been a~ <nice> day after all].
- for supper there [was|was hot] <soup>, and {h} [had two bowls|ate every drop|told the story
  twice].
- <song>^sang {h} all the way home.
- {h} [waved to the moon|looked up at the stars|yawned a big yawn] and thought that it had been [a
  good day|a~ <nice> day|the best day in a long time].
- [and if you ever go there|if you listen closely], you [may|might] still hear {h} [laughing|tell
  the story|singing about it].
- {h} [drew|painted] a picture of it all, and {g} hung it [on the wall|over the
  [stove|table|bed]|by the door].
- {g} [tucked {him} in|pulled up the blanket|turned down the lamp], and {h} was asleep before {he}
  could [count to ten|say good night|finish {his} yawn].

end2:
- <end>
- <end>
- <end>
- and {h} and {f} [played|played <game>|laughed and played] [until the sun went down|until it was
  time for supper|all afternoon|until the stars came out].
- [from that day on|after that|ever since|from then on], {h} and {f} were [the best of
  friends|closer than ever|hardly ever apart].
- and that is [how it happened|the end of the story|the story of {h} and {f}].

moral_intro = {h} learned that, now {h} knew that, that day {h} found out that, {g} always said
  that, {h} never forgot that, and {h} saw that, as {g} likes to say:, it is true what they say:
"""
