"""Plots about doing: a skill to learn, something built alone."""

LEARN = """
@scene
- skill = ride a bike; fall: {he} landed in the <flower> bed; bad: {he} always looked at the front
  wheel; tip: look at where you want to go, not at the wheel; use: {g} had forgotten {g.his} lunch,
  and {h} brought it on the bike, still warm
- skill = whistle; fall: only air came out, and now and then a bit of spit; bad: {he} blew much too
  hard; tip: blow as if you wanted to make a candle dance, but not go out; use: a little lamb got
  lost in the fog, and {h} whistled until it found the way
- skill = skip stones; fall: plop, and the stone was gone; bad: {he} always used fat, round stones;
  tip: take a flat stone and throw it low, like a plate; use: {f}'s hat floated past, and with
  <few> good throws behind it {h} made waves that brought it to the bank
- skill = swim; fall: {he} went under and came up with weeds on {his} head; bad: {he} kicked all
  the time like a frog in a hurry; tip: lie on the water as if it were your bed; use: a beetle had
  fallen in, and {h} swam out and carried it back on one finger
- skill = tie a bow; fall: the loops slipped away like worms; bad: {he} let go of the first loop
  too soon; tip: hold one ear of the bunny until the other has run around it; use: the sail of the
  boat came loose, and {h} tied it, tight and neat
- skill = skate; fall: {he} sat down on the ice, and the ice was hard; bad: {he} leaned back,
  because {he} was afraid to fall on {his} nose; tip: bend your knees and lean a little forward;
  use: {o.new} slipped on the ice, and {h} glided over and helped {o.him} up
- skill = read; fall: the letters ran around like ants; bad: {he} always guessed the words from the
  pictures; tip: put a finger under each letter and let it speak; use: a sign said "Wet paint," and
  {h} read it just before {f} sat down
- skill = juggle; fall: the <fruits> rolled in all directions; bad: {he} always threw all of them
  together; tip: begin with one, and only then take two; use: <number> plates slid from the tray at
  the fair, and {h} caught all but one

want:
- {h} wanted to learn to {skill}. Everyone else could do it, or so it seemed.
- when {h} saw {f} {skill}, {he} made up {his} mind. <<h glad: I want to {skill}, too!>>
- there was one thing that {h} could not do: {skill}. {he} wanted it more than <treats>.
- {h} had a question for {f}. <<h ask: Is it hard to {skill}?>> <<f say: Not at all! / You just do
  it.>> But it was not so easy.
- <<h say: By the end of <season>, / I will be able to {skill}.>> {he} told everyone {he} met, so
  now {he} had to do it.

try:
- {h} tried. {fall}. {he} tried again, and it was no better.
- the first time {fall}. The second time was [just the same|no different]. The third time was even
  {louder}.
- every <daytime> {h} went to {out} to practice. And every time it was the same: {fall}.
- {he} practiced on Monday, and {fall}. {he} practiced on Tuesday. By Wednesday {he} had <number>
  [bruises|reasons to stop].

@more
- louder = louder
- louder = worse
- louder = funnier

laugh:
- some of the others [laughed|giggled|pointed and laughed]. {h}'s ears turned red. <<h cross: I
  will never do this again!>>
- <<h sad: I am the only one who cannot do it.>> <sad_move>
- <sad_move> {he} put everything away and did not want to hear of it any more.
- <<h cross: It's stupid anyway. / Who needs it?>> But at night {he} dreamed of it.

coach:
- {g} had been watching. <<g ask: May I tell you what I see?>> It was this: {bad}. <<g wise: Now
  {tip}.>>
- {o.new} sat down next to {him}. <<o say: I fell a hundred times when I was your size. / The trick
  is simple: {tip}.>> [So that was it!|So that was the trouble!|Aha!|Now it was clear.] {bad}.
- {f} did not laugh. <<f soft: Show me once more.>> {f} watched closely. It was true, {bad}. <<f
  say: Next time, {tip}.>>
- <<g soft: You know, / I learned it late, too. And nobody had told me the secret.>> The secret was
  this: {tip}. And {h}? It was true, {bad}.

work:
- {h} did just that. It went wrong once more, but in a new way, and that was something. And then,
  <suddenly>, {he} could {skill}!
- it felt strange. {he} tried it slowly, then a bit faster. <<h glad: Look at me! / I can
  {skill}!>>
- one more time, thought {h}, just one more. And that was the time when it worked!
- {he} practiced until the sun went down, and all the next day. Then, all of a sudden, it was
  [easy|as easy as pie].
- {h} went at it again, with that in mind. Nine times it went wrong. The tenth time {he} could
  {skill}, and {he} shouted so loudly that the <bird>s flew up.
- slowly, very slowly, it got better. And one <daytime> {he} noticed that {he} had stopped thinking
  about it: {he} could {skill}!

use_beat:
- and it was good that {he} had learned it. Not long after that, {use}.
- a week later, {use}. How glad everybody was that {h} could {skill}!
- soon it was even useful: {use}.
- and do you know what came of it? One day {use}. Everyone was amazed.

moral:
- <moral_intro> [you can only learn what you cannot do yet|every try teaches you something|falling
  is a part of flying].
- and when a small {h.kind} asked {him}, "Is it hard?" {h} answered, "Yes. Come, I will show you."
- <<g soft: Do you know what I liked best? / That you tried one more time.>>
- <end>
- {h} has a new wish now. {he} wants to learn [to <skill2>|something even harder]. It will take a
  while, and that is fine.

start:
- <open> <want> ¶ <try> <laugh> ¶ <coach> <work> <glad_move?> ¶ <use_beat> <moral>
- <open> ¶ <want> <try> ¶ <laugh> <coach> <work> ¶ <use_beat> <moral>
- <brief> <want> <try> ¶ <laugh> <coach> ¶ <work> <glad_move> ¶ <use_beat> <moral>

skill2 = yodel, walk on stilts, bake bread, play chess, ride a pony, speak to owls
"""

BUILD = """
@scene
- what = hut; of = branches; site = under the <tree> tree; bad: the walls were not tied together;
  crash: it folded up like a fan; skill: could tie good knots; three = tied the corners; yours:
  carried the heavy ends; done: They sat inside it when the rain came, and not one drop came in
- what = raft; of = old boards; site = by the water; bad: all the weight was on one side; crash: it
  turned over and sank with a gurgle; skill: knew how things float; three = put an empty barrel at
  each corner; yours: hammered in the nails; done: It floated, and the two of them sailed all the
  way to the island and back
- what = soapbox car; of = a crate and four wheels; site = at the top of the hill; bad: there were
  no brakes; crash: it raced off without {him}, straight into a haystack; skill: understood levers;
  three = fixed a stick to it as a brake; yours: painted <color> flames on the sides; done: They
  rolled down the hill and stopped exactly at {g}'s feet
- what = bridge; of = a long plank; site = across the ditch; bad: there was nothing to hold it in
  the middle; crash: it bent, cracked, and went splash; skill: was good at arithmetic; three =
  worked out where the post must stand; yours: rolled up the biggest stones; done: Even the cow
  could walk across
- what = snow fort; of = snow; site = behind the {home}; bad: the snow was dry and would not stick;
  crash: the roof came down on {his} head; skill: came from the far north; three = poured water on
  the walls to make them freeze; yours: packed the snow as tight as {he} could; done: It stood
  until spring, and then it became a puddle that they both saluted
- what = bird house; of = bits of wood; site = on the garden wall; bad: the bottom was not nailed
  down; crash: the floor fell out, with all the straw; skill: had a steady {f.hand}; three = held
  the nails so that none went in crooked; yours: made a door just big enough; done: A week later a~
  <bird> moved in with all her family
- what = kite; of = sticks and paper; site = on the kitchen table; bad: it had no tail; crash: it
  spun around and dived into the cabbage patch; skill: had flown a hundred kites; three = made a
  tail of <few> ribbons; yours: pasted fresh paper over the holes; done: It climbed so high that it
  looked like a~ <bird>

plan:
- {h} wanted to build a~ {what}. <<h say: I will make it out of {of}, / and I will do it all by
  myself.>>
- <oneday>, {h} collected {of}. <<h glad: This will be the best {what} in the world!>>
- {h} had drawn a plan for a~ {what}. {he} hung it up {out.at}, where everyone could see it, and
  began.
- <<h say: Watch me! / I am going to build a~ {what}, out of {of}, and nobody has to help.>>
- for <few> days {h} had been thinking about a~ {what}. Now {he} had {of}, and a hammer, and a song
  to go with it.

offer:
- {f} came by. <<f ask: [Can I help?|May I join in?|Do you need a {f.hand}?] / I am good at
  [that|such things].>> <<h say: No, thank you. / It is my {what}.>>
- {f}, who {skill}, came to watch. <<f ask: Shall we do it together?>> {h} shook {his} head.
- {f} {skill} and would have liked to help. <<h cross: Don't touch it! / I can do it alone.>> So
  {f} went away.
- over the wall looked {f}, who {skill}. <<f ask: Would you like a~ {f.hand}?>> <<h say: I have two
  of my own, thank you.>>

work:
- {he} carried and hammered, pushed and pulled, {site}. From a distance it almost looked like a~
  {what}.
- {he} worked {site} until {his} {h.hands} hurt. There was nobody to hold the other end, so {he}
  held it with {his} knees.
- all morning {h} worked {site}. <soon>, it was done, or so {he} thought.
- {he} measured with {his} eye and cut with a song, {site}. It leaned a little, but {he} leaned a
  little as well, and then it looked straight.
- knock, knock, knock, it went {site}, from breakfast until lunch. {h} did not stop to eat, and
  {he} did not stop to think.

crash_beat:
- {he} stepped back to look. There was a crack, and then {crash}. You see, {bad}.
- but {bad}. {h} had hardly [sat down|said hurray] when {crash}.
- <<h glad: Finished!>> At that word, {crash}. It was no wonder, since {bad}.
- then {he} tried it out. At once {crash}. Why? Because {bad}.

low:
- <sad_move> Now {he} had no {what}, and no friend to build it with.
- {h} looked at the mess. {he} kicked it, and that hurt {his} toe as well. <sad_move>
- <<h sad: Stupid {what}!>> But the {what} was not the stupid one, and {h} knew it.
- it is hard to be proud and wrong on the same day. <sad_move>
- <<h say: Maybe if I try the same thing again?>> But {he} knew what would happen. <sad_move>

ask:
- {he} went to {f}'s door and knocked. <<h shy: I was wrong. / I need you. Will you help me?>> <<f
  glad: I thought you would never ask!>>
- <<h call: {f.name}! / It can be our {what}, if you like.>> {f} came so fast that {f.he} must have
  been waiting behind the hedge.
- {h} found {f} {out.at}. <<h shy: I am sorry. / You know more about it than I do.>> {f} was
  already rolling up {f.his} sleeves.
- it took {h} a long time to walk the short way to {f}. <<h shy: You saw it coming, didn't you?>>
  <<f soft: A little. / Come on, let us look at it.>>
- <<h shy: {f.name}, / if you still want to, I would like it very much.>> {f} did not say, "I told
  you so." {f.he} just came along.

build:
- {f}, who {skill}, {three}. {h} {yours}. Before the sun went down it was finished.
- they [started over|began from the beginning|picked everything up and started again]. {f} {three},
  and {h} {yours}. It went twice as fast, and [they laughed three times as much|it was three times
  the fun].
- {h} {yours}, while {f} {three}. This time [nothing wobbled at all|nothing wobbled, and nothing
  cracked|everything held].
- first they talked, and then they worked. {f} {three}. {h} {yours}. [Bang|Knock|Tap], the last
  piece was in.

moral:
- {done}. <moral_intro> [four {h.hands} build better than two|asking for help is not giving up|two
  heads make a better plan].
- {done}. On the front they painted both of their names.
- {done}. <<h say: My {what} fell down. / Ours stands.>>
- {done}. <end2>

start:
- <open> ¶ <plan> <offer> <work> ¶ <crash_beat> <low> ¶ <ask> <build> <moral>
- <open> <plan> <offer> ¶ <work> <crash_beat> ¶ <low> <ask> <build> ¶ <moral>
- <brief> <plan> <offer> ¶ <work> <crash_beat> <low> ¶ <ask> <build> ¶ <moral>
"""
