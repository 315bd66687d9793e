"""Plots among neighbors: a cross old one, a chain of trades."""

GRUMPY = """
@scene
c- sign: a light burned in {o.his} window all night; gift = pot of <soup>; reason: {o.his} old cat
  had run away, and {o} left a lamp burning so that it could find the way home; deed: looked in
  every barn and found the cat with <few> kittens; change: gave {h} the smallest of the kittens
- sign: a piano stood behind the curtains, with its lid shut; gift = bunch of
  [red|yellow|white|blue] flowers; reason: {o.his} sister used to play it, and she had moved far
  away; deed: asked {o} to teach {him} a tune; change: opened all the windows, so that everyone
  could hear the music
- sign: there were <number> pairs of reading glasses on the windowsill; gift = plate of <treats>;
  reason: {o} could not see well any more, and so {o.he} thought that every shadow was a thief;
  deed: came each day to read the newspaper aloud; change: told stories about the sea in return
- sign: the garden was full of weeds, but in the middle stood one perfect rose; gift =
  [jar|tin|pot] of <berry> jam; reason: {o.his} back hurt, and {o.he} could not look after the
  garden any more; deed: pulled the weeds together with {f}; change: cut the perfect rose and gave
  it to them
- sign: a row of empty birdhouses hung along the wall; gift = loaf of warm bread; reason: the birds
  did not come any more, because the noisy young ones had scared them; deed: sat still beside {o}
  with a~ {h.hand} full of crumbs, day after day, until the first bird came; change: built a
  birdhouse for every garden nearby
- sign: there was a chessboard on the table, set up and covered with dust; gift = jar of honey;
  reason: {o} had nobody to play with; deed: learned how the knights jump and the towers march;
  change: laughed so loudly at losing that the whole street could hear it

intro:
- next door lived {o.new2}, who never said hello. If a ball rolled into {o.his} yard, {o} shouted,
  "Go away!"
- everyone <around> was afraid of {o.new2}. <<f worry: Never go near that gate! / They say {o} eats
  <bug>s for breakfast.>>
- at the end of the lane stood a crooked house, and in it lived {o.new2}. "Off with you!" {o} would
  shout at anyone who came too near.
- if you asked <around> who was the crossest of all, they pointed at one crooked house. That was
  where {o.new2} lived. "Shoo!" {o} called after everyone who walked by.

@elder
- o.new2 = a grumpy old {o.kind} named {o}
- o.new2 = a cross old {o.kind} named {o}
- o.new2 = an old {o.kind} named {o}

ball:
- <oneday>, {h}'s <toy> flew over the fence. {h} peeked through a hole in the boards and saw
  something strange: {sign}.
- once, when {h} walked past on tiptoe, {he} noticed something: {sign}.
- but {h} was curious. {he} stood on a [crate|barrel|box] and looked over the wall, and {sign}.
- for a whole week {h} watched the crooked house from behind a hedge. {he} saw something that did
  not fit at all: {sign}.

wonder:
- <<h ask: Why is {o} always so cross?>> <<g wise: I do not know. / But a growl often has a sad
  story behind it.>>
- <<h say: Perhaps {o} is not mean. / Perhaps {o} is just lonely.>> <<f worry: Are you crazy?>>
- {h} thought about that in bed. Would someone really bad have a thing like that?
- <<h ask: Have you ever seen {o} smile?>> <<g say: Once, / long ago. I wonder what happened.>>
- all day long it went around in {h}'s head. People do not get cross for nothing.

go:
- the next day {h} took a~ {gift} and knocked. "Go away!"^came from inside. {h} put it down on the
  step. <<h call: I will come again tomorrow!>> And {he} did.
- so {h} brought a~ {gift}. {his} knees knocked louder than {his} {h.hand} did. [The door opened a
  crack|The door creaked open|Slowly the door opened]. <<o cross: What do you want?>> <<h shy:
  Nothing. / This is for you.>>
- with a~ {gift} under one arm and {his} heart in {his} throat, {h} rang the bell. <<o cross: Is
  this a joke?>> <<h say: No, it is a~ {gift}.>>
- <<f worry: You are really going?>> <<h say: I am.>> {h} walked up the path with a~ {gift}, and
  {he} knocked, three times, not very loudly. Slowly the door swung open.

open_up:
- for a long time {o} said nothing. Then {o.his} chin began to tremble. It came out bit by bit:
  {reason}.
- {o} looked at {him}, and then at the gift, and then at {o.his} own feet. <<o soft: Nobody has
  knocked at my door for a year.>> And the reason for it all? {reason}.
- <<o soft: Come in, then. / Wipe your feet.>> Inside, {h} learned the truth: {reason}.
- {o} sat down on the step all of a sudden, and {h} sat down beside {o.him}. By and by {h} heard
  the whole story: {reason}.
- "Hm," said {o}, and "Hm" again. Then the story came, slowly, like water from an old pump:
  {reason}.

deed_beat:
- {h} knew at once what to do. {he} {deed}. And {o}? {o} {change}.
- the very same week {h} {deed}. To say thank you, {o} {change}.
- <<h say: That can be helped!>> {he} {deed}. Then {o} smiled a rusty smile, and {o.he} {change}.
- it was not even hard to help. {h} {deed}. And from that time on {o} was a changed {o.kind}:
  {o.he} {change}.

moral:
- <moral_intro> [a grumpy face can hide a lonely heart|it is hard to stay cross with somebody who
  brings you something|kindness opens doors that shouting keeps shut].
- now, when a ball rolls into {o}'s yard, it comes flying back, and {o} shouts, "Good throw!"
- <<f ask: So {o} does not eat <bug>s?>> <<h glad: Only <treats>! / Come along, I will show you.>>
- <end>

start:
- <open> <intro> ¶ <ball> <wonder> ¶ <go> <open_up> ¶ <deed_beat> <moral>
- <brief> <intro> ¶ <ball> <wonder> <go> ¶ <open_up> <deed_beat> ¶ <moral>
- <open> ¶ <intro> <ball> ¶ <go> <open_up> <deed_beat> ¶ <moral>
"""

TRADE = """
@scene
c- goal = music box; full = music box with a tiny key; for: {g}, who had been ill all week; first =
  <treasure>
c- goal = shawl; full = warm <pattern> shawl; for: {g}, who was always cold; first = <treasure>
c- goal = book; full = book full of pictures of <beast>s; for: little {n}, who could not go outside
  with a broken leg; first = <treasure>
c- goal = pair of boots; full = pair of <color> boots; for: {f}, whose old boots had holes; first =
  <treasure>
c- goal = bell; full = tiny silver bell; for: the cat, who kept getting lost; first = <treasure>

@chain
- a = the miller; a_has = sack of flour; a_need: {his} scale was missing one weight; b = the baker;
  b_has = big round loaf; b_need: the flour bin was empty; c = the fisher; c_has = silver fish;
  c_need: there was nothing for lunch on the boat
- a = the cobbler; a_has = leather strap; a_need: one last little thing was missing from a fancy
  shoe; b = the farmer; b_has = bag of wool; b_need: the strap of the milk can had torn; c = the
  weaver; c_has = bright blanket; c_need: the loom had been empty since Monday
- a = the gardener; a_has = bunch of roses; a_need: the scarecrow had only one eye; b = the bride;
  b_has = box of candy; b_need: her flowers had been eaten by a goat; c = the clown; c_has = red
  balloon; c_need: he had nothing to throw to the children
- a = the tailor; a_has = ball of yarn; a_need: one button was missing; b = the sailor; b_has =
  shell that hums; b_need: his net had a hole in it; c = the teacher; c_has = old globe; c_need:
  she wanted to show the class what the sea sounds like

want:
- in the window of a small shop stood a~ {full}. It belonged to {o.new}. {h} wanted to buy it for
  {for}.
- {h} was looking for a present for {for}. And there it was, in the shop of {o.new}: a~ {full}!
- {h} stood in front of a shop window. <<h ask: How much is the {full}?>> It was for {for}. {o.new}
  named the price, and {h}'s face fell.
- there was just one thing in the whole town that {h} wished for, and it was a~ {full}. Not for
  {self}! It was for {for}. {o.new} had it in the shop.

poor:
- but {h} had no money. All {he} had in {his} pocket was a~ {first}.
- {h} emptied {his} pockets. There was no money, only a~ {first}.
- <<h shy: I only have a~ {first}.>> <<o soft: I am sorry, / that is not enough.>>
- {h} had saved nothing at all, except for a~ {first}. It was a nice one, but it was not money.
- <<o ask: How much do you have?>> {h} put a~ {first} on the table. {o.new} shook {o.his} head, but
  not in an unkind way.

beg:
- <sad_move> But {he} did not give up so easily. {he} walked and thought.
- at first {he} tried to sell the {first} on the corner. Nobody wanted it, for nobody knew what it
  was good for. <think_move>
- {he} wished hard for a coin to fall from the sky. What fell was a leaf. So {he} walked on.

swap_a:
- on the way {he} met {a}, who looked worried. {a_need}. <<h glad: Take my {first}!>> It was just
  right, and {h} got a~ {a_has} for it.
- {a} was standing at the door. {a_need}. {h} gave away the {first}, and {a} was so pleased that
  {he} was given a~ {a_has}.
- {he} had not gone far when {he} saw {a}, deep in thought. {a_need}. <<h say: Could this be of
  use?>> It could, and in return {h} was handed a~ {a_has}.

swap_b:
- next {he} came to {b}. {b_need}. <<h say: I have a~ {a_has}. / [Would that help?|Could you use
  it?|Do you want it?]>> [It would!|Yes, very much!|Oh, yes!] {h} went on with a~ {b_has}.
- then there was {b}. {b_need}. {h} held out the {a_has}, and got a~ {b_has} in return.
- two streets on stood {b}. {b_need}. One look at the {a_has}, and they had a deal: {h} walked away
  with a~ {b_has}.

swap_c:
- last of all {he} met {c}. {c_need}. So {h} handed over the {b_has}, and in return there was a~
  {c_has}.
- at the corner sat {c}, looking glum. {c_need}. Away went the {b_has}, and {h} had a~ {c_has}.
- only {c} was still about. {c_need}. <<h glad: How about this {b_has}?>> And so {h} got hold of a~
  {c_has}.

buy:
- with the {c_has} under {his} arm, {h} <ran> back to the shop. <<o glad: A~ {c_has}! / [I have
  been looking for one for years|Just what I always wanted|I know somebody who would give anything
  for that].>> And the {goal} was {h}'s.
- {o} looked at the {c_has} and took off {o.his} hat. <<o ask: And all that for a~ {first}?>> Then
  {o.he} wrapped up the {goal} in <color> paper.
- {h} stood on tiptoe and put the {c_has} on the counter. {o} put on {o.his} glasses. <<o soft:
  Well, well. / For that you shall have it.>> And {o} took the {goal} from the window.

give:
- you should have seen the joy! <<g ask: Where did you get it?>> <<h say: From a~ {first}, / and a
  few people who needed something.>>
- that evening the {goal} was given away, and there was a great deal of hugging. {h} told the whole
  long story.
- the {goal} was a great success. And {a}, {b}, and {c} were happy, too. So many glad faces, and
  all from one {first}!

moral:
- <moral_intro> [what is nothing to one is a treasure to another|you find a way when you look at
  what others need|everything is worth something to somebody].
- {h} put {his} {h.hand} in {his} pocket. It was empty. No, wait, there was still a~ <treasure> in
  it. Who knows?
- <end>

start:
- <open> <want> <poor> ¶ <swap_a> <swap_b> ¶ <swap_c> <buy> ¶ <give>
- <open> ¶ <want> <poor> ¶ <swap_a> <swap_b> <swap_c> ¶ <buy> <moral>
- <brief> <want> <poor> ¶ <beg> <swap_a> ¶ <swap_b> <swap_c> ¶ <buy> <moral>
"""
