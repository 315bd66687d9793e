"""Plots with a lesson: a mess, a warning not heeded."""

MESSY = """
@scene
- place: room; call: to go and see the <beast>s at the circus; need = ticket; where: inside a dirty
  sock; sorted = the socks; wait: the circus will leave tonight
- place: room; call: to sail paper boats on the pond; need = paper boat; where: flat as a pancake
  under a heap of books; sorted = the books; wait: the wind is just right
- place: corner; call: to play in the parade; need = drumstick; where: under <few> old apple cores;
  sorted = the trash; wait: the parade starts soon
- place: room; call: to go up the hill and fly kites; need = kite string; where: knotted around a
  chair leg; sorted = the <footwear>; wait: the wind is already blowing
- place: corner; call: to come to {his} birthday picnic; need = present; where: at the bottom of a
  pile of coats; sorted = the coats; wait: the picnic is starting without you
- place: room; call: to go roller-skating; need = left skate; where: behind a tower of toy boxes;
  sorted = the boxes; wait: the sun will be gone by five
- place: room; call: to pick cherries; need = <color> basket; where: full of <treasures> under the
  bed; sorted = the buttons and corks; wait: the birds are eating the cherries

mess:
- {h} had a~ {place} that was a mess. There were <footwear> on the <furniture>, <treasures> in the
  bed, and something sticky on the [wall|floor|door].
- only one thing was not so nice about {h}: {his} {place}. It was full of <toy>s, <treasures> and
  half-eaten <treats>.
- you could hardly open the door of {h}'s {place}, so many <treasures> and <toy>s [lay|were piled
  up] behind it.
- in {h}'s {place}, a~ <clothing> hung from the lamp, a~ <toy> lay in the <vessel>, and <few>
  <treasures> crunched underfoot.
- if you dropped a~ <treasure> in {h}'s {place}, you never saw it again, for the floor was covered
  with <toy>s, <footwear> and old <treats>.

order:
- <<g ask: Will you please tidy up, {h}?>> <<h cross: Later! / I am busy <like_doing>.>>
- <<g wise: A place for everything, {h}. / Then you can find what you need.>> But {h} only laughed.
- every day {g} said, "Tidy up, {h}." And every day {h} said, "Tomorrow!" But when tomorrow came,
  it was always called today.
- <<h say: I like it like this. / I know where everything is.>> {g} [shook {g.his} head|raised one
  eyebrow|said nothing].

chance:
- <oneday>, {f} stood at the door. {f} [wanted|had come to ask] {h} {call}. <<f call: Bring your
  {need}! / And hurry, {wait}!>>
- then <suddenly> {f} came running. {f.he} asked {h} {call}. <<f glad: All you need is your {need}!
  / Be quick, {wait}.>>

hunt:
- {h} dived into the mess. Was the {need} under the <furniture>? No. In the <vessel>? No. {he}
  threw <treasures> left and right, and the heap only [grew|got worse].
- {h} dug like a~ [mole|dog|pirate]. Up came a~ <toy>, a~ <treasure>, and a very old <fruit>. But
  there was no {need}.
- {h} [pulled|tugged] at a~ <clothing>, and the whole pile came [sliding|tumbling] down on {him}.
  Only {his} {h.hands} stuck out. Still there was no {need}.
- <<h worry: It must be here! / I saw it last week!>> {he} tripped over a~ <toy>, stepped on a~
  <treasure>, and landed in the <vessel>.
- {h} turned the place upside down, which was not easy to tell from before. There were <treasures>,
  there was a~ <toy>, there was half a~ <treat>. There was no {need}.
- <<h say: I know just where it is. / It is [right behind the door|in this corner|in this heap].>>
  It was not. {he} went through the <vessel>, the <furniture>, and {his} own pockets, and found
  <few> <treasures>.

stuck:
- <<h sad: You go without me. / I shall never find it.>> <sad_move>
- outside the clock struck <number>. <sad_move> <<h sad: Now I will miss everything!>>
- <sad_move> "If only I had [listened|tidied up|started yesterday]," {he} [thought|said to {self}].
- {h} looked at the [heap|mountain of things]. It seemed to grin at {him}. <<h sad: You win.>>

plan:
- <<f wise: We will not search. / We will tidy.>> {h} stared. <<h ask: Tidy? Now?>> <<f say: When
  all the things are in their places, the {need} is what is left.>>
- {f} rolled up {f.his} sleeves. <<f say: You put the <treasures> in the <vessel>. / I will do
  {sorted}. It goes faster with two.>>
- <<f ask: What if we put each thing where it belongs? / Then we are sure to find the {need}.>>
- {f} looked at it for a while. <<f say: My {g.kind} says that a mess is just a lot of things
  waiting to go home. / Let us take them home.>>
- <<f say: I will hold up a thing, / and you tell me where it lives.>> So they played that game,
  and it was not even [dull|hard].

tidy:
- [books on the shelf, clothes in the chest|big things here, small things there|toys in the box,
  shoes in a row]: they worked [like bees|like ants|and sang], and {sorted} came last. There,
  {where}, was the {need}!
- they picked up, folded, stacked and swept. <soon>, the floor could be seen again. It was <color>!
  And {where} they found the {need}.
- one thing after the other found its place. When they came to {sorted}, {h} gave a shout. The
  {need} was {where}!
- in a quarter of an hour they had filled <number> shelves. {sorted} were the last to be done. And
  what lay {where}? The {need}!

went:
- they <ran> <like_fast>. They were [just in time|the last to come, but they came|almost late, but
  only almost].
- off they went, and it was [as much fun as they had hoped|a~ <nice> afternoon|worth every minute].
- {h} grabbed it, {f} grabbed {h}, and away they <ran>. They got there in time, and oh, what fun
  they had!
- it was a~ <nice> <daytime>, and {h} enjoyed it twice as much, because {he} had almost missed it.

moral:
- that night {h} put each thing in its place before {he} [went to bed|said good night]. {g}
  [pretended to faint|smiled and said nothing|had to sit down].
- <moral_intro> [it is quicker to tidy for a minute than to search for an hour|what has a place is
  never lost].
- and tomorrow? Tomorrow, {h} said, {he} would be busy, because today everything was already done.
- since then, {h} can find anything in {his} {place} with {his} eyes shut, even [the <toy>|a~
  <treasure>].

start:
- <open> ¶ <mess> <order> ¶ <chance> <hunt> <stuck> ¶ <plan> <tidy> ¶ <went> <moral>
- <open> <mess> ¶ <order> <spice?> ¶ <chance> <hunt> ¶ <stuck> <plan> <tidy> <went> <moral>
"""

WARNED = """
@scene
- warn: do not go on the ice before it is thick; see: the pond shone like glass; sign: It had
  thawed the day before; do: took one step, and one step more; sink: the ice broke, and {he} was up
  to {his} middle in cold water; rescue: lay down flat and held out a ladder; cost: {he} had to
  stay in bed with a cold for a week
- warn: do not eat berries you do not know; see: the bush was full of pretty red ones; sign: Not
  one bird had touched them; do: ate <few> of them; sink: {his} tummy hurt so much that {he} rolled
  on the ground; rescue: made {him} drink a big jug of bitter tea; cost: {he} could not eat any of
  the <treats> that evening
- warn: do not open the gate, or the geese will get out; see: on the other side the grass looked
  greener; sign: The geese were already stretching their necks; do: opened it just a little bit;
  sink: <number> geese ran over {him} and down the road; rescue: rattled a pail of corn and led
  them back in a row; cost: {he} had to sweep up feathers until dark
- warn: do not row out alone; see: the little boat rocked so nicely; sign: Far away there was a
  dark cloud; do: rowed only as far as the first rock; sink: the wind came up and took the oars
  away; rescue: came out in the big boat and threw {him} a rope; cost: {he} had to carve a new pair
  of oars
- warn: do not touch the honey while the bees are awake; see: it dripped so golden from the hive;
  sign: The air was humming; do: put in one finger; sink: a hundred bees came after {him}, and {he}
  had to jump into the pond; rescue: calmed the bees with a bit of smoke; cost: {he} had a nose
  like a~ <fruit> for three days
- warn: do not go into the cave without a light; see: something glittered inside; sign: It was
  black in there, and there were many turns; do: went in, just around the first bend; sink: {he} no
  longer knew which way was out; rescue: came with a lantern, following {his} shouts; cost: the
  glittering thing was only a puddle

say:
- <<g wise: One thing, {h}. / {warn}.>> <<h say: Yes, yes.>> {he} had heard it <number> times
  before.
- every day {g} said the same: "{warn}." Every day {h} nodded and thought of something else.
- <<g say: You may play where you like. / But {warn}. Do you hear?>> <<h say: I hear.>>
- <<g wise: Do you know what I always say?>> <<h say: {warn}.>> <<g say: Good. / Saying it is the
  easy part.>>

tempt:
- the next day, {h} was out with {f}. And {see}! {sign}, but {h} saw only what {he} wanted to see.
- {h} and {f} came by just then, and {see}. {sign}.
- {see}. <<h say: Only a little. / It cannot hurt.>> {sign}. {f} noticed it, but {h} did not.
- that same week {h} and {f} were playing {out.at}. It could not be helped: {see}. {sign}, and that
  should have been enough.

warn_beat:
- <<f worry: Remember what {g} said!>> <<h say: {g} worries too much. / I am big enough.>>
- <<f worry: I would not do that.>> <<h cross: Then don't!>>
- {f} held {him} by the <clothing>. <<f worry: We are not allowed!>> {h} pulled free.
- {f} stopped. <<f worry: I'm not coming with you, / and you shouldn't go, either.>> <<h cross: You
  are no fun!>>

do_beat:
- {he} {do}. At first [nothing happened|all went well|it was fine]. <<h glad: [You see?|There, you
  see?|See?|It is quite safe!|What did I tell you?]>> Then {sink}.
- {he} {do}. "There, what did I say?"^{he} wanted to call. But {sink}.
- and {he} {do}. It was [lovely|fun|grand], for as long as it takes to [count to three|say
  hello|blink]. Then {sink}!
- {h} looked left, {h} looked right, and then {he} {do}. "It's easy," {he} thought. That was the
  last thing {he} thought, because {sink}.

shout:
- <<h call: [Help!|Help me!|Somebody help!|Please help!] / [Help!|Quick!|Is anybody there?|I'm over
  here!]>> {f} [was frightened, but did not stand still|knew what to do] and <ran> for {g}
  <like_fast>.
- {f} did not say, "I told you so." {f.he} <ran> <like_fast> to get {g}.
- there was no time to lose. {f} called for {g} so loudly that the <bird>s flew out of the trees.
- <<f worry: Hold on, {h}! / I will get {g}!>> And {f} was gone <like_fast>.

rescue_beat:
- {g} did not ask a single question. {g.he} {rescue}. <soon>, it was over.
- {g} came at once. {g.he} {rescue}. Never had {h} been so glad to see {g.him}.
- luckily, {g} was not far away. {g.he} {rescue}, and {h} was safe.
- {g} came running with one shoe on. {g.he} {rescue}. That was close!

sorry:
- <<h sad: You told me, and I did not listen.>> {g} wrapped {him} in a blanket. <<g soft: I do not
  say it to spoil your fun. / I say it because I love you.>>
- <<h shy: Are you angry?>> <<g soft: I was too scared to be angry. / Now tell me why I said it.>>
  And {h} told {g.him}.
- nobody scolded. That was not needed, for {cost}.
- {h} waited for the scolding. It did not come. <<g ask: What did you learn?>> {h} told {g.him},
  and {he} did not leave anything out.

cost_beat:
- the fun had lasted one minute, and {cost}.
- in the end {cost}. {h} did not complain.
- it could have been much worse. Still, {cost}.
- and then {cost}. It gave {him} plenty of time to think.

moral:
- <moral_intro> [a warning is a kind of love|it is better to ask why than to find out|rules are
  there for a reason].
- <<h say: Thank you, {f.name}. / You were right, and you came back for me.>>
- and the next time {g} said, "Be careful," {h} asked, "Why?"^and listened to the answer.
- <end>

start:
- <open> ¶ <say> <tempt> <warn_beat> ¶ <do_beat> <shout> ¶ <rescue_beat> <sorry> ¶ <moral>
- <open> <say> ¶ <tempt> <warn_beat> <do_beat> ¶ <shout> <rescue_beat> ¶ <cost_beat> <sorry2>
  <moral>
- <brief> <say> <tempt> ¶ <warn_beat> <do_beat> <shout> ¶ <rescue_beat> <sorry> ¶ <moral>

sorry2:
- <<h shy: I am sorry.>> <<g soft: I know. / Come here.>>
- <<h sad: I should have listened.>> <<g soft: You know that now.>>
"""
