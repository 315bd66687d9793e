"""Plots about mistakes: a thing broken, a cake that fails."""

BROKEN = """
@scene
- thing = <color> vase; part = into <few> pieces; owner: {g}; act = playing ball in the house;
  rule: balls are for outside; hide = behind the <furniture>; mend: glued all the pieces in their
  places; now: It had lines all over, like a map, and {g} said it was prettier than before
- thing = teapot with the <color> dots; part = and lost its spout; act = pretending that it was a
  ship; rule: the teapot is for tea; hide = at the back of the cupboard; mend: planted a~ <flower>
  in it; now: A teapot without a spout made a very good flowerpot
- thing = wall clock; part = and stopped ticking; act = climbing on the <furniture> to touch its
  hands; rule: we look at the clock, we do not play with it; hide = under {his} bed; mend: fitted a
  new spring into it; now: It ran again, though from then on it [ticked with a little limp|was
  always <few> minutes fast]
- thing = picture frame; part = and the glass cracked; act = having a pillow fight against the
  sofa; rule: pillows are for sleeping; hide = under the rug, where it made a bump; mend: made a
  new frame out of <material>; now: The picture looked [fresh and new|happier than ever] in it
- thing = jar of plum jam; part = and the jam went everywhere; act = reaching for the cookies
  without asking; rule: ask before you reach; hide = under a towel, which turned purple; mend:
  scrubbed the floor until it shone; now: Then they cooked a new pot of jam and {h} got to lick the
  spoon
- thing = [striped|spotted|checkered|flowery] umbrella; part = and <few> of its ribs snapped; act =
  jumping off the <furniture> to find out about flying; rule: umbrellas are for rain; hide = in the
  coal box; mend: sewed on a~ <color> patch; now: It looked [a bit like a bat|like no other
  umbrella in the world], and it kept the rain off as before
- thing = <color> lamp; part = and its shade got a big dent; act = swinging a~ <clothing> around
  like a lasso; rule: no ropes and no lassos indoors; hide = behind the curtain; mend: painted a~
  <beast> over the dent; now: At night the <beast> seemed to dance on the wall

before:
- {g} had told {him} more than once: "{rule}." <<h say: I will be careful.>> But {he} was not.
- <<g wise: Remember, {h}, {rule}.>> {h} nodded, but {he} was [not really listening|already
  thinking of other things].
- there was one rule in the {home}: {rule}. {h} knew it well.
- {g} had only one rule about that {thing}. {rule}, {g.he} said. {h} knew it as well as {his} own
  name.
- most days {h} kept the rule. {rule}, it went. But there are days when [rules are easy to
  forget|the fingers itch].

crash:
- [one day|while {g} was out in the garden|that afternoon], {h} was {act}.
  [Crash!|Bump!|Clatter!|Crack!] {g}'s {thing} fell [down|to the floor] {part}.
- %while {g} was [busy outside|out at the market|next door]%{h} started {act}%. [Wobble, wobble,
  crash!|One wobble, two wobbles, crash!] The {thing} [hit|landed on] the floor {part}.
- {h} forgot the rule and was soon {act}. {his} elbow [bumped|hit|knocked against] the {thing}.
  Down it went {part}!
- it began with {act}, [and it was great fun|only for a minute|and nobody said stop]. It ended with
  a crash. The {thing} had fallen down {part}!
- {h} had just thought of {act} when it happened. The {thing} tipped, [turned over once|hung in the
  air], and fell {part}.

hiding:
- {h}'s [heart|tummy] [jumped|turned over|did a flip]. [Quick as a wink|Without thinking|In a great
  hurry], {he} hid the {thing} {hide}.
- <<h worry: [Oh no!|Oh dear!|Oh my!|What have I done!|Goodness me!] / What will {g} say?>> {he}
  <looked> around. Nobody had [seen it|seen|been watching]. So {he} hid it {hide}.
- first {h} [froze|stood still|held {his} breath]. Then {he} [pushed|put|shoved] it {hide} and
  [walked away whistling|sat down with a book, which was upside down|tried to look busy].
- <<h worry: If nobody finds it, nobody will know.>> And so {he} [put|hid|tucked] it {hide}.
- {his} cheeks burned. {he} listened. There were steps [in the hall|outside]! Quickly {he} hid it
  {hide}.

lie:
- %when {g} came back%{g.he} [looked at the empty spot|saw that something was missing]%. <<g ask:
  Where is the {thing}?>> <<h shy: [I do not know|I have not seen it|Maybe it was the cat|Maybe it
  was the wind].>>
- [before supper|that evening|<soon>], {g} [looked around|stopped in the doorway]. <<g ask: Has
  anybody seen the {thing}?>> {h} shook {his} head. <<h shy: [It was not me|Maybe it was the
  wind|Maybe {f.name} took it].>>
- <<g ask: {h}, have you seen the {thing}?>> {h} looked at the ceiling. <<h shy: [No.|Not
  today.|Which one?|I don't think so.]>>
- at supper, {g} put down {g.his} spoon. <<g ask: Where has the {thing} gone?>> <<h shy: Perhaps
  somebody borrowed it.>> {his} voice came out [thin|like a squeak].

heavy:
- all evening {h} had a~ [funny|bad|heavy] feeling, as if {he} had [eaten|swallowed] a stone. Even
  the <soup> tasted of nothing.
- {h} could not [sleep|close {his} eyes]. Every [tick of the clock|creak of the floor] seemed to
  say, "Tell, tell, tell."
- {h} tried to play <game>, but it was no fun. {he} tried <like_doing>, but that was no fun,
  either. The lie sat in {his} tummy like a~ [cold potato|frog|stone].
- in bed, {h} turned to the left and turned to the right. {he} thought of {g}'s kind face, and [a
  tear ran down {his} nose|{his} ears grew hot].

blame:
- the next day {g} asked {f} about it. {f} [looked hurt|had tears in {f.his} eyes]. <<f sad: I did
  not [touch|take] it!>> Now {h} felt even worse.
- then {he} heard {g} [sigh|say to {f}]: "I suppose we shall never know." That was worse than any
  scolding.
- <<g soft: Are you ill, {h}? / You look [pale|so quiet] today.>> {g} was so kind that {h} could
  not bear it.

tell:
- <<h sad: It was me! / I was {act}, and the {thing} fell, and I hid it {hide}. I am sorry!>>
- {h} took {g} by the {g.hand} and showed {g.him} the place. <<h sad: I broke it. / I was {act},
  and then I was too [scared|ashamed] to tell you.>>
- {h} took a deep breath. <<h shy: I have to tell you something. / I broke the {thing}, and I told
  a lie.>>
- {h} went and got it from {his} secret place. <<h sad: Here it is. / I was {act}. And then I said
  something that wasn't true.>>
- <<h shy: {g}, / what if someone broke a thing and did not dare to say so?>> {g} looked at {him}.
  <<g soft: Then that someone could tell me now.>> And out it all came.

pardon:
- {g} was quiet for a~ [moment|while]. <<g wise: A~ {thing} can be [mended|replaced]. / A lie
  breaks something that is harder to mend. I am glad you told me.>>
- {g} [was not angry|did not shout]. {g.he} opened {g.his} arms.
- <<g soft: I was sad about the {thing}. / But I am much happier about the truth.>>
- <<g wise: It takes a brave {h.kind} to say that. / Things break. [Trust|Truth] is what we must
  look after.>>
- {g} let out a breath. <<g soft: So that was it. / I was more worried about you than about the
  {thing}.>>
- <<g ask: Was it heavy to carry around, that secret?>> {h} nodded. <<g soft: Then put it down. /
  We will carry it together.>>

together:
- together they {mend}. {now}.
- then they sat down at the table and {mend}. {now}.
- {g} rolled up {g.his} sleeves. That very [day|evening], {h} and {g} {mend}. {now}.

moral:
- the stone in {h}'s tummy was gone, and {he} [slept like a log|ate two bowls of <soup>|felt as
  light as a feather].
- <moral_intro> [the truth weighs less than a lie|a lie grows heavier every hour|telling the truth
  is hard for a minute and good for a long time].
- and from that day on {h} [remembered the rule|played ball outside, ran outside and jumped
  outside|told {g} right away when something broke, and things did break, now and then].

start:
- <open> <before> ¶ <crash> <hiding> ¶ <lie> <heavy> ¶ <tell> <pardon> ¶ <together> <moral>
- <open_day> ¶ <crash> <hiding> <lie> ¶ <blame> ¶ <tell> <pardon> <together> <moral>
- <open> ¶ <before> <crash> <hiding> ¶ <heavy> <tell> ¶ <pardon> <together> <moral?>
"""

BAKING = """
@scene
- who = {g}; known: {g}; occasion = birthday; what = honey cake; wrong: salt instead of sugar;
  cause: the sugar jar and the salt jar looked exactly the same; taste: as salty as the sea; hint:
  On the shelf stood two white jars, side by side; fix: painted a big red S on the sugar jar and a
  blue fish on the salt jar
- who = {g}; known: {g}; occasion = birthday; what = apple pie; wrong: far too much pepper; cause:
  the lid had fallen off the pepper pot; taste: so hot that {he} had to drink <few> cups of water;
  hint: The lid of the pepper pot had been loose for days; fix: put the lid back on and gave it a
  good twist
- who = {f.name}; known: {f}; occasion = birthday; what = berry cake; wrong: too much heat; cause:
  {he} had gone out to play and forgotten the oven; taste: like a lump of coal; hint: Next to the
  stove stood a clock with a bell; fix: set the clock to ring when the cake was done
- who = {f.name}; known: {f}; occasion = party; what = gingerbread castle; wrong: no time to dry;
  cause: {he} had put the roof on while the icing was still wet; taste: good, but it looked like a
  heap of bricks; hint: "Wait until the icing is dry," it said in the cookbook; fix: waited for
  each wall to dry before {he} built the next
- who = {g}; known: {g}; occasion = name day; what = tall white cake; wrong: no eggs; cause: {he}
  had skipped one line of the recipe; taste: as flat and hard as a plate; hint: The recipe was
  written in very small letters, with many lines; fix: read each line out loud and made a mark
  beside it
- who = {f.name}; known: {f}; occasion = birthday; what = loaf of raisin bread; wrong: no yeast;
  cause: {he} had been in too much of a hurry to let it rise; taste: as heavy as a brick; hint:
  Bread likes to rest for an hour in a warm place, says every baker; fix: put the dough by the
  stove and waited a whole hour

wish:
- it was almost {known}'s {occasion}, and {h} had no present. <<h glad: I will bake a~ {what}! /
  Nobody has ever given {who} a~ {what}.>>
- the next day was {known}'s {occasion}. <<h say: I shall make a~ {what}[, all by myself|, the best
  one ever|].>>
- {h} wanted to [surprise|please] {known} with a~ {what}, because [the next day|Sunday] was {who}'s
  {occasion}.
- a {occasion} without a cake is [like a sky without stars|like a song without a tune|not much of a
  {occasion}], thought {h}. So {he} [decided|made up {his} mind] to make {known} a~ {what}.
- what could {h} give to {known}? It was nearly time for {who}'s {occasion}. And then {he} knew: a~
  {what}!

bake:
- {he} [tied on|put on] an apron, [rolled up {his} sleeves|climbed on a stool] and [mixed and
  stirred|stirred and stirred], singing all the while. {hint}, but {h} was too [busy|excited] to
  think about that.
- {hint}. {h} did not give it a thought. {he} [mixed|measured], [poured|sifted] and
  [stirred|whisked], and soon there was flour on {his} nose, on the floor, and even on the
  <furniture>.
- in went the flour, in went the [butter|milk|honey], and in went a~ [pinch|drop|spoonful] of
  [cinnamon|vanilla| lemon]. {hint}, but who has time for such things?
- flour flew like snow. A spoon clattered, a bowl [spun|rolled|wobbled], and {h} hummed a tune.
  {hint}, but {he} did not [look|care].
- {he} washed {his} {h.hands}, lined up the bowls, and set to work [whistling|with a spoon in each
  {h.hand}|like a real baker]. {hint}, but {he} had eyes only for the cherry on top.
- crack went the eggs, whoosh went the flour, and {h} danced from the table to the [stove|shelf]
  and back. {hint}. {he} did not stop to look.

taste:
- <at_last> it was ready. {h} took a tiny bite. [Oh dear|Oh my|Dear me|Goodness|What was that]! It
  was {taste}.
- {h} [broke off|tried] a crumb. [Ugh|Oh no|Oh dear|Yuck|Brr|Alas|Good heavens]! It was {taste}.
- it smelled [strange|odd|funny], and when {h} tried a bit of it, it was {taste}.
- but something was not right. {h} tasted it and made a face. It was {taste}.
- {he} could not wait and cut off a corner. One bite was enough. It was {taste}!
- the first to try it was a~ <bird> on the windowsill. It [flew off|shook its head]. Then {h} tried
  it, too. It was {taste}.

sorry:
- <sad_move> <<h sad: It is ruined! / Now I have nothing to give.>>
- <<h sad: All that work for nothing! / What shall I do now?>> <sad_move>
- {h} wanted to throw the whole thing [out of the window|away|to the pigs]. <sad_move>
- {h} looked at the clock, and then at the {what}. <<h sad: There is no time, and there is no
  {what}.>> <sad_move>

helper:
- {o.new} [was passing by|lived next door] and [smelled|saw] the trouble. <<o ask: What happened
  here?>> {o} looked at everything [twice|closely|from the bowl to the oven]. <<o wise: Ah! /
  {wrong}!>> And so it was: {cause}.
- <suddenly>, there was a knock. It was {o.new}, who [knew all about cakes|had baked a hundred
  cakes|had come to borrow an egg]. {o} tasted a crumb and laughed, but not in an unkind way. <<o
  wise: {wrong}. / I know that taste.>> Then {h} understood: {cause}.
- {h} asked {o.new} to [help|come and look]. {o} took a bite, chewed, and winked. <<o wise:
  {wrong}, that is all. / My first cake was worse. It scared the dog.>> And then {h} saw it too:
  {cause}.

again:
- so they started again. This time {h} {fix}. They worked [side by side|slowly and carefully], and
  the kitchen [began to smell|smelled] of <smell>.
- <<o soft: A mistake is only the first half of a lesson. / Shall we try once more?>> This time {h}
  {fix}.
- {h} wiped {his} eyes and the table. {he} {fix}. Then {he} [measured|mixed] everything <carefully>
  while {o} told stories about <beast>s.
- <<h say: Once more, then, / from the start.>> {he} {fix}. {o} [cracked the eggs|held the
  bowl|read the recipe], and before the sun was low the kitchen smelled of <smell>.
- {o} rolled up {o.his} sleeves as well. Nothing was rushed this time: {h} {fix}, and only then did
  they [stir|go on].

party:
- and [the next day|on the great day], how {who} [stared|smiled|laughed]! <<h glad: It is the
  second one. / The first one was {taste}!>> Everybody laughed and [had a slice|wanted some
  more|asked for the recipe].
- the new one was golden and [sweet|soft|light as a cloud]. {who} [ate three slices|closed both
  eyes with joy|said it was the best {occasion} ever].
- when {who} tasted it, there was not a sound. Then came a long, happy "Mmm!"^and everyone
  [clapped|cheered| reached for a plate].
- {who} cut the first slice and gave it to {h}. It was [perfect|just right|delicious], every crumb
  of it.
- {who} blew out the candles, took one bite, and could not say a word. That was [the nicest thanks
  of all|because {who}'s mouth was full].

moral:
- <moral_intro> [a mistake tells you what to do next time|you can always start again|trying again
  makes things sweet].
- <<o wise: You see? / Cakes can fail and bakers can learn.>>
- {h} kept a piece of the first one on a shelf, to remember that [even good bakers make
  mistakes|slow hands bake better cakes].
- <<h say: The first was for practice. / The second was for you.>>

start:
- <brief> ¶ <wish> <bake> ¶ <taste> <sorry> ¶ <helper> <again> ¶ <party> <moral>
- <open> <wish> ¶ <bake> <taste> ¶ <helper> <again> <party> <moral>
"""
