"""Plots about things that grow: a seed, a foundling."""

SEED = """
@scene
- plant = sunflower; seed = a striped seed; grow: until it could look over the fence; gift: <few>
  hundred new seeds, enough for everyone {he} knew
- plant = pumpkin; seed = a flat white seed; grow: until {h} could sit on it like a king; gift:
  enough <soup2> for the whole street
- fr = [apple|pear|plum|fig|apricot|lemon]; plant = {fr} tree; seed = a small brown pip; grow:
  though it took <few> years, and {h} grew, too; gift: a whole <vessel> of sweet {fr}s, shared with
  the neighbors
- plant = beanstalk; seed = a bean with purple dots; grow: around the pole, up the wall, and past
  the window; gift: a pot of beans big enough for everyone {out.at}
- plant = strawberry plant; seed = a seed as small as a grain of sand; grow: until it had white
  flowers, and then red berries; gift: <number> strawberries, one for each friend
- plant = <flower>; seed = a black seed; grow: until it opened, early one morning, right before
  {his} eyes; gift: the most beautiful present that {g} ever got

soup2 = pumpkin soup, pumpkin pie

get:
- {o.new} gave {h} {seed}. <<o wise: There is a~ {plant} sleeping in it. / You only need earth,
  water, and one more thing. You will find out what it is.>>
- in {g}'s pocket {h} found {seed}. <<h ask: What is this?>> <<g say: A~ {plant}! / It just does
  not know it yet.>>
- {h} found {seed} on the path. {g} turned it over and over. <<g say: If I am right, this will be
  a~ {plant}.>>
- at the market, {h} swapped a~ <treasure> for {seed}. "It will be a~ {plant}," the seller had
  said.

plant_beat:
- {h} dug a hole {out.at}, dropped the seed in, and covered it. Then {he} sat down to wait. {he}
  waited for [ten minutes|half an hour|all of five minutes].
- {he} filled a pot with earth, pushed the seed in with one finger, and put it in the sun. "Now
  grow!"^{he} said.
- {h} gave it the best spot in the garden, patted down the earth, and put a~ <color> stone beside
  it.
- {h} asked the seed where it wanted to live. It said nothing, so {he} chose a sunny corner
  {out.at}, made a hole with one finger, and tucked it in.

hurry:
- nothing happened. So {h} poured a whole bucket of water over it. <<g wise: Now it has to swim. /
  Too much water takes its breath away.>>
- the next day there was still nothing to see. {h} dug it up to [look|see if it was awake]. <<g
  wise: A seed cannot grow if you dig it up. / Its roots are as thin as a hair.>> {h} put it back.
- <<h cross: Hurry up!>> {he} danced around it, {he} shouted at it, {he} even blew a~ <instrument>
  at it. A~ <bug2> looked up, but the seed did not. It did not know how to hurry.
- {h} put a blanket over it to keep it warm, but then it had no light. <<g soft: It needs the sun
  more than it needs a bed.>>
- <<h ask: Is it ready now?>> <<g say: No.>> <<h ask: And now?>> <<g say: No, {h}. / And it will
  not be ready in a minute, either.>>
- {h} tied a string to a stick and said that the seed should climb up on it, right away. It did
  not. {he} read it a story about a~ <beast>, and it did not care for that, either.

bug2 = beetle, snail, cricket, worm

doubt:
- <<h sad: It does not like me. / It will never grow.>> <sad_move>
- {f} came to see it. <<f ask: Is that all? / That is just a pot of dirt.>> {h} felt <sad>.
- a week went by, and it felt like [a year|a hundred years]. <<h sad: Maybe it is
  [broken|asleep|only a pebble].>>
- {f} had planted something quick, and it was green already. {h} looked at {his} own bare patch of
  dirt. <sad_move>

wait:
- <<g wise: The one more thing is patience. / A bit of water every day, and leave the rest to the
  seed.>> So {h} watered it each morning, and {he} spent the rest of the time <like_doing>.
- {o.new} looked over the fence. <<o wise: You cannot pull a plant up by its leaves. / It is busy
  where you cannot see it.>> So {h} gave it a cup of water each day, and waited.
- <<g soft: You did not grow up in a day, either.>> {h} had to laugh. Every morning {he} gave it [a
  little|one cup of] water and told it a joke.

sprout:
- and then, one <weather> <daytime>, there was something green. It was no bigger than a~ <bug2>'s
  hat. <<h glad: Look! / It is awake!>>
- rain came, and then sun, and then rain again. One day the earth cracked, and up came a tiny green
  nose. {h} held {his} breath.
- when {h} had almost stopped looking, there it was: a small green leaf, [folded like a letter|as
  bright as a new crayon]! <glad_move>
- <<f call: {h}, come here, quick!>> Where there had been only dirt, there stood two small leaves,
  like {h.hands} that say hello.
- one <weather> <daytime> {h} nearly stepped on it. It was [thin|pale], it was crooked, and it was
  the most beautiful thing {he} had ever seen.

grow_beat:
- the {plant} grew, {grow}. And in the end {h} had {gift}.
- after that it grew and grew, {grow}. It gave {gift}.
- <<f ask: How did you do that?>> <<h say: I waited. / That was the hard part.>> The {plant} grew,
  {grow}. And what came of it? {gift}!
- from that day it did not stop. The {plant} grew, {grow}. And for all the waiting {h} got {gift}.

moral:
- <moral_intro> [good things take time|some things grow best when you leave them in peace|waiting
  is also a kind of work].
- {h} kept one seed. "You and I have plenty of time," {he} said to it.
- and when {f} planted a seed and wanted to dig it up the next day, {h} said, "Wait." And {f}
  waited.
- <end>
- <<g ask: And what was the best part?>> {h} thought. <<h say: The morning when I did not look, /
  and there it was.>>

start:
- <brief> <get> <plant_beat> ¶ <hurry> <doubt> ¶ <wait> <sprout> ¶ <grow_beat> <moral>
- <open> <get> ¶ <plant_beat> <hurry> ¶ <wait> <sprout> ¶ <grow_beat> <moral>
- <brief> <get> ¶ <plant_beat> <hurry> <doubt> <wait> ¶ <sprout> <grow_beat> ¶ <moral>
"""

FOUNDLING = """
@scene
- baby = <bird>; it_is = a baby {baby}; hurt: one of its wings hung down; food = worms and soaked
  seeds; wrong: bread, but it could not swallow that; bed = a hat lined with moss; well: the wing
  was strong again; go: It spread its wings, made one wobbly circle, and flew; back: every spring a
  bird sang outside {h}'s window, louder than all the others
- baby = duckling; it_is = a lost duckling; hurt: it had lost its mother in the reeds; food = oats
  and green leaves; wrong: a~ <treat>, but it only stepped on it; bed = a basket with a warm stone;
  well: it could swim in a straight line; go: A family of ducks came by, and it paddled after them
  as fast as it could; back: whenever {h} came to the water, one duck swam up to say hello
- baby = turtle; it_is = a tiny turtle; hurt: there was a crack in its shell; food = lettuce and
  berries; wrong: soup, but it pulled in its head; bed = a box filled with sand; well: the shell
  had closed; go: It crawled to the water, looked back once, and slid in; back: years later a big
  turtle with a line on its shell came by, very slowly, to visit
- baby = butterfly; it_is = a butterfly; hurt: its wings were wet and stuck together; food = sugar
  water; wrong: a leaf of lettuce, but butterflies only drink; bed = a shoe box with holes; well:
  its wings were dry and smooth; go: It sat on {his} nose for a moment and then danced away; back:
  the garden was full of butterflies all summer long
- baby = owlet; it_is = a fluffy owlet; hurt: it had fallen out of its nest; food = whatever {g}
  could find in the garden; wrong: milk, but it turned its head all the way around; bed = a drawer
  with a woolen scarf; well: its feathers had come in; go: It waited until it was dark, blinked
  twice, and flew off without a sound; back: when it was dark, somebody in the tree said good night
  to {him}
- baby = firefly; it_is = a firefly; hurt: its light had gone out in the rain; food = a drop of
  honey; wrong: a bread crumb that was bigger than itself; bed = a jar with an open lid; well: it
  was shining as brightly as ever; go: It blinked three times and rose up into the dark; back:
  whenever the night was warm, <number> little lights danced around {h}'s door

found:
- <oneday>, {h} heard a small sound {out.at}. In the grass sat {it_is}. {hurt}.
- after the storm, {h} found {it_is} on the path. {hurt}. <<h soft: You poor little thing!>>
- something moved under a leaf. {h} bent down. It was {it_is}, and {hurt}.
- <<h soft: Hello, who are you?>> It was {it_is}, all alone. {hurt}.
- {h} almost stepped on something. There {out.at} lay {it_is}, no bigger than a~ {h.hand}. {hurt}.
- "Peep," or something like it, came from under a~ <flower>. {h} parted the leaves. There was
  {it_is}! {hurt}.

home:
- {h} carried it home in both {h.hands}, as carefully as an egg. {he} made it a bed in {bed}.
- {he} ran to fetch {g}. <<g wise: It needs rest. / And it needs quiet.>> They put it in {bed}.
- <<h ask: May I keep it?>> <<g say: You may help it. / That is not the same thing.>> They made a
  bed out of {bed}.
- <<g say: We must be very gentle now.>> {h} nodded. They found a quiet corner, and there {he} made
  a bed out of {bed}.

feed:
- {h} gave it {wrong}. So {he} asked {o.new}. <<o wise: Try {food}. / And do not squeeze it.>> That
  was right!
- at first {he} offered it {wrong}. Then {g} read about it in a book. It liked {food}, and it ate
  it all up.
- what do you feed a~ {baby}? {h} tried {wrong}. {f} had another idea: {food}. And it ate!
- it was hungry, that was plain. {h} brought it {wrong}. <<f say: My {g.kind} once had a~ {baby}. /
  It liked {food}.>> And {f} was right!

love:
- every morning {h} looked in on it before {he} did anything else. {he} named it
  [Button|Peanut|Dot|Crumb|Bean|Pip].
- {h} sang to it, told it secrets, and showed it to {f}. <<h say: It is mine now. / We shall stay
  together always.>>
- day by day it [grew|got better]. {h} loved it so much that {he} even gave up <like_doing> for it.
- soon it knew {his} step. It came when {he} hummed, and it slept when {he} was near. {h} had never
  been so <glad>.
- {h} told it about <beast>s and about the sea. It listened to everything, which is more than most
  people do.

well_beat:
- then came a day when {well}. It looked out of the window for a long time.
- <soon>, {well}. But now it [did not eat|would not eat] much, and it always sat by the window.
- at last {well}. <<g soft: Do you see how it looks at the sky? / It wants to go home.>>
- one morning {h} saw that {well}. {he} was <glad>, and then {he} was not so glad, because {he}
  knew what that meant.

want:
- <<h sad: But it is my friend!>> {g} nodded. <<g wise: Then ask yourself what your friend would
  like.>>
- {h} shut the window tight. That night {he} could not sleep, and the {baby} could not sleep,
  either. {he} knew what {he} had to do.
- {h} did not want to hear it. <sad_move> But {he} looked at the little thing, and {he} understood.
- <<f ask: How would you like to live in a box?>> {h} thought about that for a long time.
- <<h shy: What if it forgets me?>> <<g soft: Would you keep it in for that?>> {h} [looked at {his}
  toes|shook {his} head slowly].

go_beat:
- {h} carried it outside and opened {his} {h.hands}. {go}.
- the next morning they went back to the place where {h} had found it. <<h soft: Goodbye, my
  friend.>> {go}.
- {he} took a deep breath and set it free. {go}.
- out there the air smelled of <smell>. {h} opened {his} {h.hands}, one finger at a time. {go}.

back_beat:
- {h} cried a little, and {g} held {his} {h.hand}. But {back}.
- the {home} was very quiet that evening. But [guess what|do you know what|what do you think]? From
  then on {back}.
- did it forget {him}? Oh no! {back}.

moral:
- <moral_intro> [loving means letting go, too|a friend must be free|you can love something without
  keeping it].
- <<g soft: You gave it two presents. / First you gave it help, and then you let it go.>>
- <end>

start:
- <open> ¶ <found> <home> ¶ <feed> <love> ¶ <well_beat> <want> <go_beat> ¶ <back_beat> <moral>
- <open> <found> ¶ <home> <feed> ¶ <well_beat> <want> <go_beat> ¶ <back_beat> <moral>
- <brief> <found> <home> ¶ <feed> <love> ¶ <well_beat> <want> ¶ <go_beat> <back_beat> <moral>
"""
