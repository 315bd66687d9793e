"""Plots about others: a newcomer, a rival."""

NEWCOMER = """
@scene
- skill: could whistle with two fingers, louder than a train; shown: While the others talked,
  {n.he} whistled softly to {n.self}; trouble: the little ones had wandered off into the fog; fail:
  Everyone shouted, but the fog swallowed their voices; solve: {n} put two fingers in {n.his} mouth
  and whistled. The little ones heard it and followed the sound all the way back
- skill: could tie every knot there is; shown: {n.he} had a piece of string, and {n.he} tied and
  untied it all day; trouble: the raft with the picnic basket had come loose; fail: They threw a
  rope, but their knots slipped open each time; solve: {n} tied a loop that could not slip, threw
  it, and pulled the raft to the bank
c- skill: knew how to talk to shy animals; shown: A~ <bird> sat near {n}, as if they were old
  friends; trouble: the kitten was stuck on the roof and would not come down; fail: They called and
  waved, and that only scared it more; solve: {n} sat down and hummed, so softly and so long that
  the kitten climbed down and went to sleep on {n.his} knee
- skill: could draw anything after seeing it once; shown: {n.he} was always drawing in the dust
  with a stick; trouble: the map for the treasure hunt had blown into the water; fail: Nobody could
  remember it, for each of them had only looked at the big X; solve: {n} drew the whole map again
  in the dust, with each tree and each stone
- skill: could stand on {n.his} head longer than anyone; shown: When {n.he} thought nobody was
  looking, {n.he} stood on {n.his} head; trouble: the clown for the summer party had a cold; fail:
  {f} tried to be funny, but nobody laughed, and {f.he} forgot the jokes; solve: {n} stood on
  {n.his} head, juggled <few> <fruits> with {n.his} feet, and made everyone laugh
- skill: had the sharpest eyes of all; shown: {n.he} always saw the <bird>s before anyone else did;
  trouble: {g}'s ring had fallen in the sand; fail: They dug here and they dug there, and the sand
  only covered it deeper; solve: {n} lay down flat and looked along the sand until {n.he} saw one
  tiny spark. It was the ring
- skill: could jump over the widest ditch; shown: {n.he} never walked around a puddle but always
  jumped; trouble: the bridge was gone, and the ball lay on the other side of the ditch; fail: A
  stick was too short, and the mud was too deep; solve: {n} took a long run, jumped, and came back
  with the ball under one arm

arrive:
- <oneday>, somebody new came to {out}. It was a~ [shy|quiet] [{n.kind}|little {n.kind}] with a~
  <color> <clothing>. "That is {n}," said {g}. "{n.he} has just moved here."
- a new family came to live <around>. They had <few> boxes, a~ <old> <furniture>, and one shy
  {n.kind} named {n}.
- <oneday>, a~ {n.kind} named {n} sat all alone {out.at}. Nobody knew where {n.he} had come from.
- <<f ask: Have you seen the new {n.kind}? / [The name is {n}|They say {n} comes from far away].>>
- a wagon stopped <around>, and down climbed a~ {n.kind} in a~ <color> <clothing>. "This is {n},"
  said {g}. "Be nice to {n.him}."

alone:
- {n} did not play with the others. {shown}. <<f say: {n} does not talk. / Maybe we are not good
  enough for {n.him}.>>
- when the others played <game>, {n} only watched. {shown}.
- {n} stood by the fence, looking at {n.his} toes. {shown}. Some [laughed|whispered]. That made {h}
  feel [sorry|bad].
- nobody asked {n} to play, and {n} was too shy to ask. {shown}.
- {n} sat at the very edge, where the [wall|shade] was, and said neither yes nor no. {shown}.
- days went by, and {n} spoke to nobody. {shown}. <<f say: How odd {n.he} is.>> {h} was not so
  sure.

hello:
- {h} remembered how it feels to be new. {he} went over and sat down. <<h say: I am {h}. / Would
  you like half of my <treat>?>>
- <<h glad: Hello, {n}! / Do you like <like_doing>? I do.>> <<n shy: A little.>>
- {h} did not know what to say. So {he} gave {n} a~ <treasure>. <<n shy: For me?>> It was a start.
- <<h ask: Why do you sit here all alone?>> <<n shy: I do not know anyone yet.>> <<h say: Now you
  know me.>>
- one day {h} left the game and went across. <<h soft: I saw you sitting here. / Is it all right if
  I sit, too?>> {n} moved over a little.
- <<h say: I don't know the rules of your games, / but I could show you ours.>> {n} looked up. It
  was almost a smile.

trouble_beat:
- <soon>, there was trouble: {trouble}! {fail}.
- a few days later something bad happened. {trouble}! {fail}.
- then came the day when {trouble}. {fail}.

turn:
- <<n shy: Maybe I can help.>> Hardly anyone heard, but {h} did. <<h call: Wait! / Let {n} try.>>
- {h} looked at {n}. <<h ask: You could do it, could you not?>> {n} turned pink and nodded.
- {n} tugged at {h}'s sleeve. <<n shy: I think I know a way.>>
- <<n shy: I could try something.>> <<f ask: You?>> <<h call: Yes, {n}! / Show us!>>
- nobody knew what to do. Then {n} stood up, and all of them turned to look. {h} nodded at {n.him}.

solved:
- {solve}. You see, {n} {skill}.
- then {solve}. [So that was it!|So that was the secret!|Who would have thought it?] {n} {skill}.
- {n} {skill}, and nobody had known! {solve}.
- it was over before they understood it. {solve}. For this was {n}'s secret: {n.he} {skill}.

cheer:
- how they cheered! <<f glad: That was wonderful! / I am sorry that I never asked you to play.>>
- everyone [clapped|cheered|wanted to shake {n.his} {n.hand}]. <<f ask: Will you teach me?>> And
  {n} smiled for the first time.
- <<f shy: I thought you did not like us.>> <<n say: And I thought that you did not like me.>> They
  both laughed.
- "Hurray for {n}!" they [shouted|cried], and {f} shouted the loudest. <<f shy: I called you odd. /
  I take it back.>>
- they carried {n} once around {out}, and {f} shared a~ <treat> with {n.him}.

moral:
- <moral_intro> [a quiet friend is a friend all the same|a hello costs nothing and can change
  everything|you never know what a shy heart can do].
- from then on {n} was never alone {out.at}, and {h} had [a new friend|one more friend].
- that evening {h} told {g} about it. <<g wise: One hello was all it took. / I am glad that it was
  yours.>>
- now {h}, {f} and {n} play together, and when somebody new comes, all three of them go and say
  hello.

start:
- <open> ¶ <arrive> <alone> ¶ <hello> <trouble_beat> ¶ <turn> <solved> ¶ <cheer> <moral>
- <open> <arrive> ¶ <alone> <hello> ¶ <trouble_beat> <turn> <solved> ¶ <cheer> <moral>
- <brief> <arrive> ¶ <alone> <hello> <glad_move?> ¶ <trouble_beat> <turn> ¶ <solved> <cheer>
  <moral>
"""

RACE = """
@scene
- what = race to the <tree> tree and back; slow: {h} had short legs; way = a hundred steps; nap:
  took a nap, sure that nobody could catch up; keep: kept going, step by step, and counted each
  one; prize = ribbon
- what = race around the pond; slow: {h} had never won a race; way = once around the water; nap:
  stopped to look at {f.his} own face in the water and fixed {f.his} hair; keep: looked at nothing
  but the path; prize = cup
- what = contest for the tallest tower; slow: {h} worked slowly and put each stone in its place;
  way = until noon; nap: piled stones any old way, went to brag about it, and came back to find it
  all in a heap; keep: laid one flat stone on another, the big ones first; prize = medal
- what = sack race; slow: {h} had fallen over at every practice; way = across the grass; nap:
  turned around to laugh at the others, tripped, and rolled into the bushes; keep: took small hops
  instead of big ones; prize = <treat>
- what = boat race on the brook; slow: {h}'s boat was made of half a walnut shell; way = down to
  the bridge; nap: hoisted every one of {f.his} twelve sails, until the wind tipped the boat over;
  keep: let the little boat follow the water; prize = flag
- what = spelling bee; slow: {h} had to think a long time about every word; way = <number> words;
  nap: shouted the letters so fast that one was left out; keep: closed both eyes and said the
  letters one by one; prize = book

news:
- <oneday>, a sign hung on the <tree> tree: "Big {what}! {way}. [Everyone may come|All are
  welcome|Come one, come all]!"
- there was going to be a~ {what}, {way}, and the winner would get a~ {prize}.
- <<g glad: Have you heard? / There will be a~ {what} this <daytime>!>> {h} wanted to be in it.

boast:
- <<f.name glad: I shall win, of course! / I always win.>> {f.name}, who lived next door, puffed
  out {f.his} chest. {slow}.
- {slow}. "[You|You, {h}|Who, you|What, you]?"^laughed {f.name}, who lived across the way. "You
  will be last!"
- everyone said that {f.name} would win. Nobody said it more often than {f.name} {f.self}. {slow},
  and {f.name} laughed at {him}.
- {f.name} was [quick|clever|strong], and {f.he} knew it. <<f.name say: Why do you even try, {h}?>>
  {slow}, that was true.
- <<f.name say: I don't even need to practice.>> {f.name}, the loudest of all the young ones
  <around>, laughed at everyone. {slow}, and so {f.name} laughed at {him} the most.

trust:
- {h} nearly stayed at home. <<g wise: You do not have to be the best. / Just do each bit as well
  as you can.>>
- <<g soft: Never mind what {f.name} says. / A little and a little make a lot.>>
- {h} [swallowed|took a deep breath]. <<h say: I will try anyway. / Trying is free.>>
- <<h shy: Maybe I should just watch.>> <<g soft: You can watch from the middle of it as well. / Go
  on.>>
- {h} looked at {f.name}, and then at {his} own feet. {g} winked. <<g wise: A thing is done one bit
  at a time. / That is the only way there is.>>

go:
- "[One, two, three, go|Ready, steady, go|On your marks, get set, go]!" At first {f.name} was far
  ahead. And then {f.name} {nap}.
- [a bell rang|a whistle blew|a flag was waved|a drum rolled], and it began. {f.name} was the best
  by far, and so {f.he} {nap}.
- at the start it looked as if {f.name} had won already. But {f.name} {nap}.
- the signal came. {f.name} was off like [a shot|a rocket], and soon had time to spare. What did
  {f.he} do with it? {f.he} {nap}.
- "Go!" And {f.name} went. Oh, how {f.name} went! But halfway through {f.he} {nap}.

steady:
- {h} did not stop. {he} {keep}.
- meanwhile, {h} {keep}. {he} [puffed|sweated] a bit, but {he} did not give up.
- and {h}? {he} {keep}, just as {g} had told {him}.
- {h} did not hear the laughing any more. {he} {keep}. A bit, and a bit, and one more bit.
- what {h} did was not exciting to look at. {he} {keep}. That was all, but it was enough.

win:
- so it was {h} who [won|came in first]! {o.new} handed {him} the {prize}, and everyone <smiled>
  and clapped.
- when it was over, {h} could hardly believe it. {he} had won! {o.new} gave {him} the {prize}.
- "The winner is {h}!"^called {o.new}, and held up the {prize}.
- <<o call: We have a winner!>> It was {o.new} who said so, and who gave the {prize} to {h}.
- {h} looked around for the winner. Then {he} saw that they were all looking at {him}! And {o.new}
  came up with the {prize}.

kind_after:
- {f.name} stood [alone|at the edge], looking <sad>. {h} went over. <<h soft: You are faster than I
  am. / Will you show me how? I can show you how to be slow.>> {f.name} had to laugh.
- {f.name} hung {f.his} head. <<f.name shy: I was a show-off. / I am sorry that I laughed at you.>>
  <<h say: Come on, let us share the {prize}.>>
- <<f.name sad: I lost.>> {h} could have laughed now, but {he} did not. <<h soft: Shall we practice
  together next time?>> <<f.name shy: I would like that.>>
- <<f.name cross: That was luck!>> {h} shrugged. <<h say: Maybe. / Shall we try again tomorrow, you
  and I?>> {f.name} kicked at the grass, and then {f.he} nodded.

moral:
- <moral_intro> [slow and careful goes a long way|little steps get there, too|bragging does not
  make you any faster].
- the {prize} was nice, but the best thing was [the new friend|walking home side by side].
- and the next time somebody bragged, {f.name} said, "Let me tell you about {h}."
- <end>

start:
- <open> ¶ <news> <boast> <trust> ¶ <go> <steady> ¶ <win> <kind_after> <moral>
- <open> <news> ¶ <boast> <sad_move> <trust> ¶ <go> <steady> <win> ¶ <kind_after> <moral>
"""
