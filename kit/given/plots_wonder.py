"""Plots with a little magic: a wish, a visitor from the sky."""

WISH = """
@scene
- wish: that everything {he} touched would turn into <treats>; good: the spoon, the chair, and even
  the doorknob tasted <tasty>; bad: {g} wanted to hug {him}, and {he} had to jump away; worse: {he}
  was thirsty, but the water in the cup had turned to crumbs; undo: say what you miss most; miss: a
  plain glass of water and a hug from {g}
- wish: that it would be {his} birthday every day; good: there was cake for breakfast and a present
  under the pillow; bad: on the fifth day nobody knew what to sing any more; worse: {f} had nothing
  left to give and sat at home, <sad>; undo: give all the presents away; miss: an ordinary day with
  nothing in it
- wish: that it would never be night again; good: {he} could play for hours and hours; bad: the
  flowers hung their heads, and the <bird>s forgot their songs; worse: {he} was so tired that {he}
  fell asleep in {his} soup; undo: sing a lullaby to the sun; miss: the moon, the stars, and {his}
  own dark, quiet bed
- wish: to be as big as a house; good: {he} could look into every nest and pick the highest
  <fruits>; bad: {he} could not get through {his} own front door; worse: when {he} laughed, {f} was
  blown into a hedge; undo: do something very small for somebody; miss: sitting on {g}'s lap
- wish: that {he} would never have to wait again; good: supper was ready as soon as {he} thought of
  it; bad: the story was over before it began, and so was the game; worse: the summer went by in
  one afternoon; undo: sit still until a snail has crossed the path; miss: looking forward to
  things
- wish: that everyone would do just what {he} said; good: there was pudding for lunch and no
  bedtime; bad: when {he} said, "Oh, go away," {f} got up and went; worse: nobody told {him} a
  joke, for {he} had not ordered one; undo: ask instead of telling; miss: a friend who says no now
  and then
- wish: to be invisible; good: {he} tickled {g} and took <few> <treats> from the tray; bad: {f} sat
  down on top of {him}; worse: they were all looking for {him}, and {g} began to cry; undo: stand
  where you can be seen and say you are sorry; miss: being looked at with love

tasty = sweet, delicious, of sugar, like a birthday

@being
- m = the fairy; m.new = a fairy no bigger than a thumb; trap = was caught in a spider's web; free:
  cut the threads
- m = the elf; m.new = an elf in <color> boots; trap = was stuck in a bottle; free: pulled out the
  cork
- m = the gnome; m.new = a gnome with a beard down to his knees; trap = had caught his beard in a
  gate; free: opened the gate very gently
- m = the wizard; m.new = a forgetful wizard; trap = had lost his glasses; free: found them on top
  of the wizard's head
- m = the golden fish; m.new = a golden fish; trap = lay on the hot sand; free: carried it back to
  the water
- m = the little dragon; m.new = a dragon the size of a cat; trap = had a thorn in its tail; free:
  pulled out the thorn

meet:
- <oneday>, {h} met {m.new} that {trap}. {he} {free}.
- there {out.at} was {m.new}, and it {trap}! {h} {free} at once.
- one day, {he} heard a thin voice calling for help. It was {m.new} that {trap}. {h} {free}.
- on the way to {out}, {h} nearly stepped on {m.new}. The poor thing {trap}, so {h} {free}.

grant:
- "For that you have one wish," said {m}. "But [think before you speak|think well|choose with
  care|be careful what you ask for]." {h} did not think. {he} wished {wish}.
- "[Thank you|Many thanks|You saved me|Thank you kindly]!"^said {m}. "One good turn deserves a
  wish." {h} opened {his} mouth and wished {wish}.
- "Make a wish," said {m}. "Most of them go wrong, I must say." But {h} was already wishing {wish}.
- "You have been kind to me," said {m}. "So I will be kind to you. One wish!" And what did {h}
  wish? {he} wished {wish}!
- {m} bowed. "Name anything you like." {h} looked at the sky for a moment, and then {he} wished
  {wish}.

good_beat:
- [Pop! It had|Puff! It had|Ping! It had|In a wink it had] come true. {good}. <<h glad: This is the
  best thing in the world!>>
- and so it was. {good}. {h} <jumped> for joy.
- there was a small flash and a smell of <smell>. At first it was wonderful: {good}.
- the air hummed, {his} nose itched, and there it was. {good}. {h} laughed out loud.

bad_beat:
- but [before long|the next day] {bad}. And it got worse: {worse}.
- then {bad}. {h} stopped laughing. Soon {worse}.
- there was just one thing: {bad}. That was not what {he} had meant. And then {worse}!
- {h} went to tell the others. But {bad}. And that was not all, for {worse}.
- on the first day it was grand. On the second day {bad}. And on the third day {worse}.

sorry:
- {h} ran back to where it had begun. <<h sad: Please, take it back!>>
- <sad_move> <<h call: Hello? / Please come! I do not want it any more.>>
- <<h sad: I wish I had never wished!>> {he} looked everywhere until {he} found {m}.
- <<h sad: I don't like it any more. / I want everything to be as it was.>> {he} set off to find
  {m}, and it was a long walk.

undo_beat:
- "I cannot undo it," said {m}. "Only you can. You must {undo}." So {h} did. And what {he} had
  missed most of all was {miss}.
- "Aha," said {m}, and did not look surprised. "Then {undo}." {h} did it gladly, and all the while
  {he} thought of {miss}.
- {m} smiled. "There is a way. {undo}." It took a while. {h} thought of {miss}, and then, pop,
  everything was as before.
- "They always come back," said {m}. "Listen. {undo}." {h} did it, once and with all {his} heart.
  Then it was all over, and there it was again, the thing {he} had missed most: {miss}.

moral:
- <moral_intro> [too much of a good thing is not a good thing|the best things are the ones you have
  already|it is wise to think before you wish].
- {g} did not know why {h} gave {g.him} such a long hug that evening. {f} did not know, either. But
  neither of them minded.
- {m} was never seen again. But now and then, when {h} says, "I wish," {he} stops and says, "Oh,
  never mind."
- <end>

start:
- <open> <meet> ¶ <grant> <good_beat> ¶ <bad_beat> <sorry> ¶ <undo_beat> <moral>
- <open> ¶ <meet> <grant> <good_beat> ¶ <bad_beat> <sorry> <undo_beat> ¶ <moral>
"""

STAR = """
@scene
- m = star; fell: landed in the rain barrel with a hiss; look: as small as a~ <fruit> and still
  warm; sad_because: it was getting dimmer and dimmer; whence: the sky; one: threw it up as high as
  {he} could; no: it came down again in the <flower> bed; two: climbed the <tree> tree; no2: the
  sky was just as far away from up there; key: a kite can go where nobody can climb; way: tied it
  to the longest kite string, let the wind take it, and cut the string; later: one star blinked
  twice each time {h} waved
- m = cloud; fell: got stuck on the chimney; look: as soft as wool and no bigger than a sheep;
  sad_because: it was drying up in the sun; whence: the other clouds; one: pushed it with a broom;
  no: the broom went right through; two: blew at it with all {his} might; no2: it only tickled;
  key: steam rises, and clouds are made of steam; way: cooked a big pot of water under it, until it
  was fat and light and floated away; later: whenever it was hot, one small cloud stood between {h}
  and the sun
- m = moonbeam; fell: slipped in through the keyhole; look: thin and silver; sad_because: the
  morning was coming, and it would fade; whence: the moon; one: held it out of the window; no: the
  street lamp was so bright that it could not find the moon; two: put it in a~ <vessel>; no2: it
  shone through all the cracks and shivered; key: a mirror sends light back to where it came from;
  way: held up {g}'s mirror and turned it until the moonbeam slid home; later: the moon always
  seemed to shine a bit brighter on {h}'s bed
- m = raindrop; fell: landed on {his} nose and began to talk; look: round and clear; sad_because:
  it had lost its brothers and sisters; whence: the sea; one: carried it in one {h.hand}; no: it
  began to run through {his} fingers; two: put it in a cup; no2: the cup stood still, and the drop
  wanted to travel; key: every brook runs to the sea; way: set it on a leaf and put the leaf on the
  brook; later: whenever it rained, somebody on the window called {his} name
- m = snowflake; fell: sat on {his} sleeve and did not melt; look: like lace; sad_because: spring
  had come too early; whence: the north; one: hid it in the icehouse; no: it was lonely there; two:
  asked a train to take it along; no2: trains are much too hot; key: geese fly north in spring;
  way: asked a gray goose to carry it between two cold feathers; later: the first snow of the
  winter fell on {h}'s {home}

sad_beat:
- "I want to go home," it said in a tiny voice. {sad_because}.
- "Please help me," it whispered. "I belong with {whence}." {h} could see that {sad_because}.
- the {m} was not happy. {sad_because}. "Do you know the way to {whence}?"^it asked.
- "I cannot stay," it said. "I am not made for down here." And it was true, {sad_because}.
- it was a brave little thing, but {sad_because}. <<h ask: Where do you come from?>> "From
  {whence}," it whispered.

first:
- <<h say: Do not cry. / I will get you home.>> {he} {one}, but {no}.
- {h} {one}. That was no good, for {no}.
- {he} wanted to help. So {he} {one}. But {no}.
- <<h say: That should be easy.>> So {h} {one}. It was not easy at all, for {no}.
- what can you do for a~ {m}? {h} {one}. It did not work: {no}.

second:
- next {he} {two}. But {no2}. <sad_move>
- then {he} {two}. Alas, {no2}.
- {he} {two}, and that did not work, either, since {no2}.
- {h} had another idea. {he} {two}. The trouble was that {no2}. <think_move>

advice:
- {he} fetched {f}. <think_move> <<f wise: There must be a way. / I know that {key}.>> They looked
  at each other.
- {o.new} was awake as well. <<o wise: You are pushing against the world. / Use what it does by
  itself: {key}.>>
- {h} woke {g}, who was not even surprised. <<g wise: Well, {key}. / I wonder if that helps.>>
- <<h sad: I am doing it all wrong.>> It was {f} who heard {him}. <<f wise: You must do it the way
  nature does. / Think: {key}.>>

go:
- <<h glad: That is it!>> Quickly {he} {way}. "[Thank you|Thanks, {h}|Goodbye, and thank
  you|Farewell]!"^it called.
- of course! So {h} {way}. They could hear it laughing for a long time.
- {h} {way}. It grew smaller and smaller. "I won't forget you!"^it called, and then it was gone.
- {h} felt it in {his} fingertips. This would work! And {he} {way}. "Look, I am going home!" it
  sang.

later_beat:
- was it only a dream? Maybe. But from then on {later}.
- {h} never told anyone but {f}. And ever after, {later}.
- {g} said there was no such thing. All the same, {later}.
- the next morning {h} thought {he} had dreamed it. But after that night, {later}.

moral:
- <moral_intro> [when pushing does not help, thinking may|everyone has a place to go home to|even a
  small {h.kind} can help the sky].
- and if you look up tonight, you might wave, too.
- <end>
- {h} has kept the secret until today. You will not tell anyone, will you?

start:
- <open> ¶ <find2> <sad_beat> ¶ <first> <second> ¶ <advice> <go> ¶ <later_beat> <moral>
- <open> <find2> ¶ <sad_beat> <first> <second> ¶ <advice> <go> <later_beat> ¶ <moral>

find2:
- one night {h} saw it happen. A~ {m} {fell}! It was {look}, and it could speak.
- nobody would believe it, but a~ {m} {fell}. {h} rubbed {his} eyes. It was {look}.
- strange things happen. One evening, a~ {m} {fell}. It was {look}. {h} had never seen one so
  close.
- <<h worry: {g}, come and see!>> But {g} was asleep, and so only {h} saw how a~ {m} {fell}. It was
  {look}.
"""
