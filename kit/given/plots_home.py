"""Plots at home: a thing lost, a noise in the night."""

LOST = """
@scene
- adj = <color>; thing = mitten; dear: {g} had knitted it [last winter|by the fire|for {his}
  birthday]; clue: There was a~ [small |little |]hole in the pocket of {his} coat, but {he} had not
  noticed it yet; place: [by the gate|on the path|at the bottom of the steps]; why: it had slipped
  through the hole in {his} pocket; mend: {g} [sewed up|mended|patched] the hole
- adj = <bright>; thing = bell; dear: it had been a present from {g}; clue: {he} wore it on a
  thread around {his} neck, and the thread was old and thin; place: [under a rosebush|beside a
  thornbush|in the tall grass by the fence]; why: the old thread had caught on a thorn and snapped;
  mend: {g} hung the bell on a~ [strong|new|thick] cord
- adj = <old>; thing = storybook; dear: {he} knew every page by heart; clue: That morning {he} had
  read it aloud to the birds outside; place: [on the garden bench|on a tree stump|under the <tree>
  tree]; why: {he} had put it down to wave at the birds and walked off without it; mend: {h} made a
  bookmark with a long ribbon, so that it was hard to leave behind
- adj = lucky; thing = <color> marble; dear: {f} had given it to {him} [long ago|on the day they
  met]; clue: {he} had put it on the shelf, though the shelf was a little crooked; place: [inside
  an old slipper|behind the wood box|in a boot by the door]; why: it had rolled off the crooked
  shelf, [bump, bump, bump|plink, plonk], across the floor; mend: {g} [straightened the shelf|put
  the shelf straight with two nails]
- adj = <bright> [little|silver|tin]; thing = spoon; dear: {he} never ate soup with any other;
  clue: A magpie had been sitting on the windowsill all morning, for magpies love things that
  shine; place: [in the magpie's nest|high up in a nest of twigs]; why: the magpie had carried it
  off through the open window; mend: they gave the magpie a bit of tinfoil, and it seemed [just as
  happy|very pleased with the trade]
- adj = <color>; thing = straw hat; dear: it kept the sun out of {his} eyes; clue: It had a long
  ribbon that tied under {his} chin; place: [on {his} own back|hanging down {his} back]; why: the
  wind had blown it off {his} head, and the ribbon had held on; mend: {h} laughed at {self} until
  {his} sides hurt
- adj = <bright>; thing = postcard; dear: it had come all the way from the other side of the world;
  clue: The window stood wide open, and a breeze was playing with the curtains; place: [in the
  hedge|among the bean plants|on top of the hen house]; why: the breeze had carried it out of the
  window; mend: {h} put the postcard under a stone, where no wind could move it
- adj = <old> <color>; thing = stuffed <beast>; dear: {he} could not sleep without it; clue: {he}
  had helped {g} carry the sheets to the wash that morning; place: [in the washtub|on the
  clothesline, held by two pegs|at the bottom of the laundry basket]; why: it had been rolled up in
  the sheets; mend: now it was clean and smelled of [soap|lavender|roses]
- adj = <small>; thing = tin whistle; dear: {he} could play <few> songs on it; clue: {he} had
  tucked it into {his} boot that morning to keep both {h.hands} free; place: [in the left boot|in
  the toe of {his} boot]; why: it had slid right down to {his} toes, and {he} had thought it was a
  stone in {his} boot; mend: {h} played [all <few> songs|a new song] on it, very loudly

hidden = under the bed, behind the <furniture>, inside the <old> <vessel>, under every cushion,
  behind the curtain, on top of the <furniture>, in the flour bin, under the doormat, in the bread
  box, behind the <vessel> by the door, beneath a heap of blankets, up the chimney, among the pots
  and pans, in the umbrella stand, behind the stove, in the cellar, in the bottom drawer

search:
- {he} <looked> <hidden>, but there was nothing there but [dust|crumbs|a~ <treasure>].
- {he} [turned|tipped] the <vessel> upside down. Out [fell|rolled|came] a~ <treasure>, but no
  {thing}.
- was it <hidden>? No, only a~ <bug> lived there.
- %when {he} looked <hidden>%{he} found <few> <treasures>%. That was nice, but it was not the
  {thing}.
- {he} crawled all the way under the <furniture> and came out [dusty|sneezing|with a cobweb on
  {his} nose] and with empty {h.hands}.
- {he} asked the <bird> at the window, but it only [blinked|sang|hopped away].
- {he} <looked> <hidden> and then <hidden>. There was no {thing} anywhere.
- "not here," {he} said, after looking <hidden>. "Not here," {he} said again, after looking
  <hidden>.
- {he} shook out the <clothing>, the <clothing>, and every sock. What fell out was [a~
  <treasure>|<few> crumbs|sand].
- could it have rolled <hidden>? It had not. {h} came up with a~ <treasure> and a gray nose.

own:
- of all the things {he} owned, {h} loved {his} {adj} {thing} best, because {dear}.
- {he} had a~ {adj} {thing} that {he} took everywhere. {he} loved it because {dear}.
- {his} greatest treasure was a~ {adj} {thing}. {dear}. That made it [special|different from all
  others].
- "this {adj} {thing} is the best thing I have," {h} often said, for {dear}.

gone:
- <suddenly>, {h} [noticed|saw|found] that the {thing} was [gone|missing|nowhere to be seen].
- %when {he} wanted to show it to {f}%the {thing} was gone%.
- that afternoon {h} reached for the {thing}. It was not there!
- <<h worry: My {thing}! / [Where is it?|It is gone!|Where can it be?|I had it this morning!]>>
- after lunch, {h} [felt|had a feeling] that something was [missing|wrong]. It was the {thing}!
- "Where did I put my {thing}?" {h} [wondered|asked the empty room]. Nobody answered, [and nobody
  had seen it|not even the clock].
- {h} put out a~ {h.hand} for the {thing}, as {he} did <number> times a day. The place was empty.

ask:
- <suddenly>, {f} [came by|knocked at the door|came around the corner]. <<f ask: [What is the
  matter|What are you looking for|Why do you look so sad], {h}?>> {h} told {f.him}.
- {f} [heard|saw] that {h} was upset and came to help. <<f soft: [Do not cry|Wait|Let us think]. /
  Looking everywhere takes all day.>>
- {f} came to help. <<f say: If I lose something, I walk through my day backward[| in my head]. /
  What did you do this morning?>>
- just as {h} was about to give up, {f} [put {f.his} head in at the door|looked in at the window].
  <<f say: You look like someone who has lost something. / Tell me about it.>>
- {h} sent for {f}, who was good at finding things. <<f wise: Searching is not running about. /
  Searching is remembering.>>

recall:
- [when had {he} had it last?|where had {he} gone with it?] <think_move> {he} went over the [whole
  morning|whole day], one thing at a time.
- <think_move> What had {he} done [first|that morning]? And what had {he} done [next|after that]?
- {h} shut {his} eyes and saw it all again: getting up, [washing|breakfast|getting dressed], going
  out. And then?
- {h} [began|started] with breakfast and left nothing out. {he} got as far as [the middle of the
  morning|the second hour] and stopped.

found:
- <suddenly>, {he} [remembered|jumped up|knew]. They <ran> to look, and there, {place}, was the
  {thing}!
- <<h glad: I know! / Come with me!>> And there it was, {place}!
- they followed {his} steps[, one by one|, all the way back], and guess what they found {place}?
  The {thing}!
- then {f} [pointed|laughed and pointed]. <<f glad: Look! / [There it is!|Isn't that it?]>> The
  {thing} was {place}[, safe and sound|, none the worse|].
- {h} slapped {his} forehead. <<h glad: How could I forget!>> {he} <ran> ahead, {f} came after, and
  the {thing} was {place}, just waiting for them.

why:
- {why}[, that was all|]. [After that|That same day|Later], {mend}.
- <<h say: So that is what happened!>> You see, {why}. {mend}.
- it was easy to see what had happened: {why}. {mend}.

moral:
- <moral_intro> [a calm head finds more than quick feet|thinking first saves a lot of looking].
- <<f wise: [Next time, think first and look second.|A good think is worth ten looks.]>>
- and whenever {he} lost [something|anything] again, {h} sat down and [walked through {his} day
  backward|thought before {he} looked].
- <moral_intro> [lost things are often where you left them|a quiet minute is the best lamp for
  looking].

start:
- <open_day> <own> {clue}. ¶ <gone> <sad_move> <search> <search> ¶ <ask> <recall> <found>
  <glad_move> ¶ <why> <close>
- <open_day> <spice?> ¶ <own> {clue}. ¶ <gone> <search> <search> <sad_move> ¶ <ask> <recall>
  <found> ¶ <why> <thanks> <close>

close:
- <moral>
- <end2>
- <moral> <end>
"""

NOISE = """
@scene
- noise: scratch, scratch, scratch; at = behind the wall; guess = a monster with long claws; truth:
  a~ family of mice, making a nest for <few> babies; sign: A little trail of straw led to the wall;
  kind: brought them a soft old sock; now: the scratching sounded like a lullaby
- noise: tap, tap, tap; at = at the window; guess = a ghost with bony fingers; truth: a branch of
  the <tree> tree, moving in the wind; sign: The wind had been blowing since supper; kind: tied the
  branch back with a ribbon; now: there was only the wind, humming to itself
- noise: whoo, whoo, whoo; at = up the chimney; guess = a wolf with a sore throat; truth: the wind,
  blowing across the chimney top; sign: The weathervane was spinning around and around; kind: blew
  across an empty bottle to make the same sound; now: {he} and the wind played a duet
- noise: crunch, munch, crunch; at = under the window; guess = a giant eating bones; truth: a
  hedgehog eating a fallen <fruit>; sign: There were tiny footprints in the flower bed; kind: put
  out a dish of water for it; now: it came back every night to say hello
- noise: drip, drop, drip; at = above the bed; guess = a sea monster in the attic; truth: a hole in
  the roof, where the rain came in; sign: It had rained the whole day; kind: set a tin pot under
  the drip; now: the drops played a tune, plink and plonk
- noise: creak, bump, creak; at = on the stairs; guess = a pirate with a wooden leg; truth: {g},
  tiptoeing down for a~ <treat> in the dark; sign: A plate of <treats> had been left in the
  kitchen; kind: asked for a bite as well; now: {he} sometimes joined {g.him} for a bite at
  midnight
- noise: hoo-hoo, hoo-hoo; at = in the <tree> tree; guess = a witch laughing; truth: a young owl
  that had lost its mother; sign: A small gray feather lay on the windowsill; kind: held up a
  lantern so that the mother could find it; now: two owls called good night to {him} every evening

bed:
- one night, {h} lay in bed and could not sleep. The [moon|clock|house] was very [quiet|still].
- it was long past bedtime. {sign}, but {h} did not think about that. {he} [pulled up|snuggled
  under] the blanket.
- %one dark night%{h} woke up with a start%. Everything was black.
- {g} had [turned out the light|said good night] a long time ago, and {h} was almost asleep.
- the lamp was out, the stars were out, and {h} had counted [<number>|a hundred] sheep. {he} was
  still awake.
- {h} was just [falling asleep|dreaming of <like_doing>] when something [woke {him}|made {him} open
  {his} eyes].

hear:
- then {he} heard it. "{noise}." It came from {at}.
- "{noise}," went something {at}. {h} sat up.
- what was that? "{noise}." Something was {at}!
- suddenly there was a noise {at}. "{noise}," it went, and then again, "{noise}."
- "{noise}." {h} held {his} breath. It came from somewhere {at}.
- at first it was very soft. Then it was not so soft. "{noise}." It was right {at}!

fright:
- <<h worry: It is {guess}!>> {he} pulled the blanket over {his} head, so that only {his} nose
  stuck out.
- {h}'s hair stood on end. Surely it was {guess}! {he} [held {his} breath|squeezed {his} eyes
  shut|did not move].
- in the dark, the <furniture> looked like a~ <beast>, the <clothing> on the hook looked like a~
  <beast>, and the noise sounded like {guess}.
- {his} heart went [boom, boom, boom|thump, thump, thump]. <<h worry: That must be {guess}!>>

hide:
- {he} [hid|crept] under the bed, but there the noise was [even louder|just the same], and the dust
  made {him} sneeze.
- {he} put a pillow over {his} ears. That did not help, because now {he} could only imagine it, and
  {his} <guess_word> grew bigger and bigger.
- {he} tried to sing, but {his} voice was so [thin|small|shaky] that it only made {him} feel more
  alone.

guess_word = fear, worry, fright

call:
- {h} [tiptoed|crept] to the bed of {f}, who was staying the night. <<h soft: [Wake up|Listen],
  {f.name}! / Do you hear that?>> {f} listened. "{noise}." <<f say: I do. / Let us [go and
  look|find out what it is]. Two are braver than one.>>
- luckily, {f} was sleeping over. <<f say: A noise is only a noise until you know what makes it. /
  Come on, I will hold your {h.hand}.>>
- <<h worry: {f.name}, [are you asleep?|wake up!] / I can hear {guess}!>> {f} [yawned|rubbed
  {f.his} eyes|sat up]. <<f say: I would like to see that. / Bring the lamp.>>
- <<h soft: Psst, {f.name}! / I am sure that it is {guess}.>> {f}, who shared {his} room that week,
  sat up at once. <<f say: Well, then, / let us say hello.>>

look:
- they lit a~ [candle|lamp|lantern] and went [on tiptoe|step by step|slowly, slowly] toward the
  sound. {sign}. <<h say: [Wait|Look at that]. / I think I know something about this.>>
- {h} took the lamp, though {his} {h.hands} shook. {sign}. "That is odd," thought {h}, and {he}
  felt a little less afraid.
- {he} counted to three. One, two, two and a half, three! Then they looked. {sign}.
- one [candle|lantern], two pairs of {h.hands}, and four cold feet went to see. {sign}. <<h soft:
  Look here. / What does that tell us?>>
- every board creaked as they crept along, and the shadows [jumped|danced]. {sign}. {h} thought
  about it, and {his} heart slowed down a little.

truth_beat:
- and what was it? Not {guess} at all. It was {truth}!
- {h} [held up the light|looked closer] and began to laugh. There was no such thing as {guess}. It
  was {truth}.
- <<f glad: So this is your monster!>> It was {truth}.
- <<h glad: Well, I never!>> There was no <guess_kind> to be seen. It was only {truth}.

after:
- {h} {kind}. After that, {now}.
- <<h say: And I was afraid of that!>> {he} {kind}, and from then on {now}.
- before they went back to bed, {h} {kind}. And {now}.
- <<f ask: Are you still afraid?>> {h} shook {his} head. {he} {kind}, and then they went back to
  bed. Since that night {now}.

moral:
- <moral_intro> [most monsters are smaller with the light on|a thing you understand is not scary
  any more|it is better to look than to guess].
- and {h} slept [until the sun was high|without a single bad dream|so well that {f} had to wake
  {him}].
- <<f wise: You were scared and you looked anyway. / That is what brave means.>>

start:
- <open> ¶ <bed> <hear> <fright> <hide> ¶ <call> <look> ¶ <truth_beat> <after> <moral>
- <open> ¶ <bed> <hear> <fright> ¶ <call> <look> <truth_beat> ¶ <after> <moral>

guess_kind = monster, beast, danger
"""
