"""Plots in the open: something out of reach, a child gone astray."""

STUCK = """
@scene
- adj = <color>; thing = kite; spot = in the top of the <tree> tree; loss: a gust of wind took it;
  first: threw a stick at it; fail: the stick got stuck as well; gear = long fishing rod; bring:
  was on {f.his} way home from fishing; use: hooked the tail with the fishing rod and pulled
- adj = [striped|spotted|checkered|<color>]; thing = ball; spot = on the roof; loss: one kick was a
  little too high; first: jumped as high as {he} could; fail: the roof was much too high; gear =
  garden hose; bring: was watering the beans; use: pointed the water at the ball until it rolled
  off
- adj = <color>; thing = hat; spot = in the middle of the pond; loss: the wind lifted it off {his}
  head; first: reached for it with a stick; fail: the stick was too short and pushed it farther
  away; gear = big umbrella; bring: had brought it in case of rain; use: set the open umbrella on
  the water upside down, and it sailed to the hat and back on a string
- adj = <bright>; thing = coin; spot = down in a deep crack between two stones; loss: it slipped
  through {his} fingers; first: pushed {his} {h.hand} into the crack; fail: {his} {h.hand} was too
  big; gear = bit of chewing gum; bring: always had some in {f.his} pocket; use: put the gum on the
  end of a straw, and it stuck to the coin
- adj = <small>; thing = ball; spot = down in a deep hole; loss: it rolled and rolled and was gone;
  first: reached down with {his} arm; fail: the hole was deeper than {his} arm was long; gear =
  bucket of water; bring: was on the way back from the well; use: poured water into the hole until
  the ball came floating up
- adj = <color>; thing = paper plane; spot = on a high branch; loss: a breath of wind carried it up
  and away; first: climbed up after it; fail: the branch was thin and began to crack; gear = brown
  paper bag; bring: had carried plums in it; use: blew up the bag and popped it, and the startled
  <bird>s flew up and shook the branch
- adj = <old>; thing = toy boat; spot = behind the rocks in the stream; loss: the string slid out
  of {his} {h.hand}; first: called to it to come back; fail: boats do not have ears; gear = rake;
  bring: had been raking leaves; use: reached over the rocks with the rake and pulled it in
- adj = <color>; thing = balloon; spot = high under the roof of the old barn; loss: {he} sneezed
  and let go, and it floated away; first: piled up <few> chairs and climbed on them; fail: the
  chairs wobbled so badly that {he} had to get down; gear = ball of yarn; bring: was going to knit
  a~ <clothing>; use: stuck a bit of sticky tape to the yarn, threw the ball at the balloon, and
  pulled it down

have:
- {h} had a~ {adj} {thing}, and one day {he} took it {place}. {meet}.
- on that <daytime>, {h} was playing with {his} {adj} {thing}. {meet}.
- for {his} birthday, {h} had been given a~ {adj} {thing}. {he} played with it all day. {meet}.
- {meet}. {h} waved, and showed off {his} {adj} {thing}.

@where
- place = outside; meet: Over the fence {he} could see {f} with a~ {gear}, for {f} {bring}; known:
  There stood {f} with the {gear}
- place = along; meet: {he} met {f} on the way, with a~ {gear}, because {f} {bring}; known: {f} was
  still close by, and so was the {gear}
- place = with {him}; meet: {f} came by with a~ {gear}, for {f} {bring}; known: And who was coming
  back just then? {f}, with the {gear}

lose:
- then {loss}, and the {thing} was {spot}!
- <suddenly>, {loss}. <<h worry: Oh no, my {thing}! / It is {spot}.>>
- everything went well until {loss}. There it was, {spot}.
- but {loss}. <<h call: Come back!>> Too late! The {thing} was {spot}.
- nobody was to blame. {loss}, and that was that. <<h sad: My {thing}! / Now it is {spot}!>>

try:
- {h} {first}. It did not work, for {fail}.
- first {h} {first}, but {fail}.
- {he} {first}. No luck: {fail}.
- {he} thought it would be easy. {he} {first}. But {fail}.
- "Easy," said {h}, and {first}. But it was not easy, because {fail}.

again:
- {he} tried once more, and then [once|twice] more, but it was no use. <sad_move>
- {he} shouted at it, {he} begged it, {he} even sang to it. The {thing} stayed where it was.
  <sad_move>
- <sad_move> <<h sad: I will never get it back.>>
- {he} sat down beneath it and looked up. It was so near, and it was so far. <sad_move>

look:
- {h} [looked around|stopped being sad and started thinking]. {known}. Now that was a thought!
- <<h say: I need something better. / I need somebody clever, too.>> {known}.
- {known}. <<f ask: Why the long face, {h}?>> {h} pointed.
- {h} turned around. {known}. A tiny idea began to tickle {him}.
- <<h say: If only I were taller, / or cleverer.>> Then {he} looked up. {known}.

plan:
- <<h ask: May we use your {gear}?>> <<f ask: My {gear}? / What for?>> <think_move> Then {he}
  whispered in {f}'s ear.
- {f} looked at the {thing}, and {f} looked at the {gear}. <<f glad: I have an idea!>>
- <<f say: You cannot do it with that. / But what about this?>> {f} held up the {gear}.
- {h} looked from the {gear} to the {thing}, and back again. <<h glad: I know how we can do it!>>
- <<f say: Let me think. / We need something long, or something light, or something else.>> {h}
  stared at the {gear}. <<h glad: We need that!>>
- {f} was going to say something kind, but {h} was already pointing. <<h glad: Your {gear}! /
  Please, may we?>>

use_beat:
- <carefully>, they {use}. And there it was, back in {h}'s {h.hands}!
- together they {use}. <<h glad: We have it!>>
- so they {use}. It worked at the first try, or nearly.
- they {use}. Once, twice, and hurray! The {thing} was free.
- {h} counted to three, and then they {use}. Down it came, [a bit dusty|a little wet|none the
  worse], into {h}'s {h.hands}.

moral:
- <moral_intro> [a good idea reaches farther than a long arm|help is often closer than you
  think|there is more than one way to do a thing].
- since that day {h} never [laughs at a~ {gear}|goes out without a bit of string in {his} pocket].
- <<f wise: A~ {gear} is good for more than one thing. / You only have to look at it twice.>>
- <end2>

start:
- <open> ¶ <have> <lose> ¶ <try> <again> ¶ <look> <plan> <use_beat> ¶ <thanks> <moral>
- <open> <have> ¶ <lose> <try> ¶ <look> <plan> <use_beat> <glad_move> ¶ <moral>
- <brief> <have> ¶ <lose> <try> <again> ¶ <look> <plan> <use_beat> ¶ <thanks> <moral>
"""

WANDERED = """
@scene
- place = at the market; look = a juggler with <number> <fruits>; rule = if you get lost, stay
  where you are and sing our song; clue: sang it as loudly as {he} could; found: {g}, <few> stalls
  away, knew the song at once
- place = in the forest; look = a~ <color> butterfly; rule = if you get lost, follow the stream,
  for it runs past our door; clue: listened until {he} heard water; found: the stream led {him}
  over stones and under ferns right to the door
- place = at the fair; look = a merry-go-round with <number> <beast>s; rule = if you get lost, go
  to the big clock and wait; clue: looked up and saw the clock above all the tents; found: there
  stood {g} already, under the clock
- place = in the fog; look = a strange <color> light; rule = if you get lost, listen for the bell;
  clue: stood still until {he} heard it, ding, dong; found: it got louder and louder with each
  step, until {he} bumped into {his} own front door
- place = at the museum; look = a dinosaur made of bones; rule = if you get lost, ask somebody with
  a badge; clue: looked for a badge and found one on a~ <color> coat; found: the guard knew where
  all lost {h.kinds} go, and there was {g}
- place = in the cornfield; look = a scarecrow with a~ <color> <clothing>; rule = if you get lost,
  walk toward the tall <tree> tree; clue: jumped up high to see over the corn and saw the top of
  the tree; found: at the foot of the tree sat {g}, with the picnic basket
- place = in the snow; look = a row of rabbit tracks; rule = if you get lost, walk back in your own
  footprints; clue: turned around and saw {his} own footprints in the snow; found: step by step
  they led {him} back to the gate

trip:
- <oneday>, {h} and {g} went out together. <<g wise: Stay close to me {place}. / And remember,
  {rule}.>>
- {g} tied {h}'s <color> <clothing> and held {his} {h.hand} tight. <<g say: It is big {place}, and
  you are small. / So remember, {rule}.>>
- {h} was allowed to come along with {g} that <daytime>, for the first time. <<g wise: One thing,
  {h}. / Stay with me {place}. And {rule}.>>

away:
- for a while {h} was good. Then {he} saw {look}. {he} had to see it up close, only for a second.
- but there was {look}! {h} [forgot everything|let go of {g}'s {g.hand}] and went after it.
- <suddenly>, {h} saw {look}. {he} stopped. {he} took one step, and another, and <number> more.
- how it happened, {h} could not say. There was {look}, and {his} feet just went.
- {g} had told {him} not to dawdle. But who could walk past {look}? Not {h}.

alone:
- when {he} turned around, {g} was gone. <<h worry: {g}? / {g}!>>
- then {he} looked up. Where was {g}? {h} turned left, and {he} turned right. Everything looked
  [strange|the same|different].
- {he} looked back, and nobody was there. {h}'s heart [sank|began to pound].
- {he} looked at it for a minute, or maybe two. <<h call: Look, {g}!>> Nobody answered. {he} was
  alone.
- "One more step," {h} had thought, and now {he} did not know how many it had been. And where was
  {g}?

wrong:
- {h} ran one way, and then {he} ran the other way. That only made it worse, because now {he} did
  not even know where {he} had come from.
- {he} followed somebody in a~ <color> <clothing>, but it was not {g} at all. It was a stranger
  with a~ <big> nose, who hurried on.
- {h} shouted, but [the wind|the noise] was louder than {he} was. <sad_move>
- {he} wanted to run. {his} legs wanted to run, too, all in different directions.
- {he} asked a stone and a post, which was silly, and then {he} called until {he} was hoarse.
  <sad_move>

remember:
- then {he} remembered what {g} had said: "{rule}." {he} [wiped {his} eyes|stopped crying|took
  three deep breaths] and {clue}.
- what had {g} said? {h} closed {his} eyes. "{rule}." So {he} {clue}.
- <think_move> {rule}! That was it. {he} {clue}.
- it was as if {g} were speaking right into {his} ear: "{rule}." Yes! {h} {clue}.
- "I must not run," {he} told {self}. "I must think. {rule}!" And then {he} {clue}.

meet:
- on the way {he} [met|passed] {o.new}. <<o ask: All alone, little one?>> <<h say: I know what to
  do.>> <<o say: Then I will keep you company until it is done.>>
- {o.new} stopped. <<o ask: Can I help?>> <<h say: Yes, please wait with me.>> And {o} did, and
  gave {him} a~ <treat>, too.
- a~ <bird> hopped along beside {him}, as if it wanted to keep {him} company.

found_beat:
- and it worked: {found}!
- it took a while, and then {found}.
- it was just as {g} had said. {found}!
- {he} waited, and {he} hoped, and {found}.
- and what do you think? {found}.

hug:
- {g} hugged {him} so hard that {he} could hardly breathe. <<g soft: You remembered! / I was so
  worried.>>
- <<h sad: I am sorry that I ran off.>> <<g soft: You got lost, / but your head stayed with you. I
  am proud of that.>>
- {h} flew into {g}'s arms. Neither of them said a word for a long time.
- {g} laughed and cried at the same time. <<g ask: Where have you been? / I looked for you
  everywhere.>>
- <<g soft: There you are!>> Laughing and crying, {g} picked {him} up. {h} held on like a burr.

moral:
- <moral_intro> [good advice is the best thing to carry along|when you are lost, it is best to stop
  and think|a cool head finds the way home].
- and the way home? {h} held {g}'s {g.hand} the whole way, and did not let go even to [scratch
  {his} nose|wave at a~ <bird>|catch a leaf].
- <end>

start:
- <open> ¶ <trip> <away> ¶ <alone> <wrong> ¶ <remember> <meet?> <found_beat> <hug> ¶ <moral>
- <open> <trip> ¶ <away> <alone> <wrong> ¶ <remember> <found_beat> ¶ <hug> <moral>
- <brief> <trip> <away> ¶ <alone> <wrong> <remember> <meet> ¶ <found_beat> <hug> <moral>
"""
