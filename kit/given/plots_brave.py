"""Plots that take courage: a fear, a stage."""

FEAR = """
@scene
- fear = the dark; why: {he} had once been shut in a cupboard by mistake; need: the lamp went out,
  and {f}'s little brother was somewhere down in the cellar, crying; fake: {he} closed {his} eyes,
  but then it was even darker; trick = sing; how: a song fills up the dark; sure: the louder {he}
  sang, the smaller the dark became; truth: It was only the same old cellar without its colors
- fear = thunder; why: a storm had once knocked down the tree by {his} window; need: a storm came
  up while {f}'s <small> sister was all alone in the tent; fake: {he} stuffed wool in {his} ears,
  but {he} felt the rumble in {his} tummy; trick = count from the flash to the boom; how: the
  number tells you how far away the storm is; sure: {he} counted to three, then to five, then to
  nine, and so {he} knew that the storm was going away; truth: Thunder was nothing but a big noise
  that comes late
- fear = deep water; why: {he} had once slipped off a wet stone; need: {f} had cut {f.his} foot on
  the island, and somebody had to row over with a bandage; fake: {he} tried not to look at the
  water, but then the boat went in circles; trick = look at the far side; how: your feet and
  {h.hands} go where your eyes go; sure: {he} looked at the big <tree> tree over there and nothing
  else, and the boat went straight; truth: The water had carried {him} all the way, as gently as a~
  {h.hand}
c- fear = the big dog next door; why: it had a bark like a drum; need: {f}'s ball had rolled right
  up to its kennel; fake: {he} threw it a bone from far away, but it landed in a tree; trick = talk
  softly; how: a dog that barks may be just as scared as you are; sure: {he} talked about the
  weather, in a low voice, and the tail began to wag; truth: The dog was old, and all it had ever
  wanted was company
- fear = high places; why: {he} got dizzy even on a chair; need: {f} sat at the top of the lookout
  tower with a twisted foot; fake: {he} ran up the first steps, looked down, and slid back on {his}
  bottom; trick = think of just one step; how: nobody climbs a tower, we only climb one step, and
  then one step; sure: {he} counted every step as the first one, a hundred times and more; truth:
  From the top {he} could see {his} own {home}, no bigger than a matchbox
- fear = bees; why: one had stung {him} on the nose; need: {f} was ill, and only honey would help
  {f.his} throat; fake: {he} ran past the hives with a pot on {his} head and bumped into a tree;
  trick = move slowly; how: bees do not mind anyone who moves like a cloud; sure: {he} walked as
  slowly as a cloud, and the bees flew around {him} as if {he} were a flower; truth: The bees were
  far too busy to be angry

intro:
- there was one thing that {h} was afraid of, and that was {fear}. {why}.
- {h} was not afraid of spiders. {he} was not afraid of ghosts. But {he} was afraid of {fear},
  because {why}.
- {f} often asked {h} to come along. <<h shy: I can't.>> <<f ask: Why not?>> <<h shy: Because of
  {fear}.>> You see, {why}.
- everybody is afraid of [something|one thing or another]. With {h}, it was {fear}, for {why}.

need_beat:
- then, one day, {need}. There was nobody else to go.
- but <oneday>, {need}. {g} was not at home. It was all up to {h}.
- <<h worry: What has happened?>> It was bad news. {need}.
- and wouldn't you know it? One day {need}.
- it might have gone on like that forever. But one evening {need}. And who was near? Only {h}.
- then something happened that could not wait: {need}.

fake_beat:
- {h} wanted to help. {he} [took two steps|tried]. {fake}.
- {his} knees shook. {fake}.
- <<h worry: [I can't!|I don't dare!|I am too scared!] / Anything but {fear}!>> {he} tried all the
  same. {fake}.
- <<h worry: I will think of a trick, / so that I need not be afraid.>> It was not a good trick.
  {fake}.
- {h} went as far as {he} could, and that was not far. {fake}.

tip:
- {o.new} was standing there. <<o wise: When I was little, I was afraid, too. / My secret is this:
  {trick}. You see, {how}.>>
- then {he} remembered what {g} always said: "When you are scared, {trick}, because {how}."
- {o.new} saw {him} trembling. <<o wise: Do you want to hear what I do? / I {trick}, because
  {how}.>>
- {h} wished that {g} were there. And in {his} head {he} heard {g.his} voice: "{trick}. You see,
  {how}."

do:
- {h} took a deep breath and tried it. And really, {sure}.
- "{trick}," {h} told {self}. {sure}.
- it was worth [a try|trying]. {h} bit {his} lip and went. {sure}.
- {h} was still afraid, but now {he} had something to do. {sure}.
- one, two, three, go! It was hard at first. But {sure}.

done:
- and so {he} did it. {truth}. {f} hugged {him}. <<f glad: You came! / And you were afraid the
  whole time!>>
- [in the end all was well|so everything turned out well|all was well again]. {truth}. <<f ask:
  Were you not scared?>> <<h say: Yes, I was. / I did it scared.>>
- {truth}. <<h glad: I did it! / I really did it!>> <glad_move>
- when it was over, {h} could only shake {his} head. {truth}. And {f} was safe and sound and held
  {him} tight.

moral:
- <moral_intro> [being brave means being afraid and going anyway|a fear gets smaller when you walk
  toward it].
- is {h} still afraid of {fear}? A little. But now {he} knows what to do about it.
- <<g soft: I heard what you did. / You are the bravest {h.kind} I know.>>
- <end2>

start:
- <open> <intro> ¶ <need_beat> <fake_beat> ¶ <tip> <do> ¶ <done> <moral>
- <open> ¶ <intro> <need_beat> <fake_beat> <sad_move> ¶ <tip> <do> <done> ¶ <moral>
"""

SHOW = """
@scene
- act = sing a song; part = the song about the <bird>; stuck: the first word was gone; help: hummed
  the first line from the back row; go: the words came back, one after the other, like <bird>s to a
  tree
- act = play the <instrument>; part = the little waltz; stuck: {his} fingers were as stiff as
  sticks; help: tapped the beat with one foot, one two three, one two three; go: {his} fingers
  began to dance
- act = say a poem; part = the poem about the <beast>; stuck: there was nothing in {his} head but
  fog; help: made a face like a~ <beast>; go: {h} had to laugh, and with the laugh came the poem
- act = dance; part = the dance of the leaves; stuck: {his} feet would not move; help: threw a
  handful of leaves in the air; go: {h} turned and floated just like one of them
- act = do a magic trick; part = the trick with the egg; stuck: the egg slipped out of {his} sleeve
  and cracked; help: shouted that it was a very clever trick and that now they wanted to see the
  omelet; go: everyone laughed, and so {h} did the trick with the scarf instead
- act = be the tree in the play; part = the part of the tree; stuck: one of {his} branches broke
  off; help: said, loud enough for all to hear, that it must be autumn; go: {h} let all the other
  leaves fall, too, one by one, and it looked lovely

news:
- there was going to be a show {out.at}. <<h glad: I will {act}!>> {he} had been practicing {part}
  for weeks.
- the whole town was coming to the summer show, and {h} was going to {act}. {he} knew {part} by
  heart.
- <<g glad: Next Saturday is the big show! / Will you {act} for us?>> {h} nodded. {part} was what
  {he} did best.

practice:
- {he} practiced {part} in the bath and in bed. {f} heard it so often that {f.he} knew it by heart
  as well.
- every day {he} practiced with {f}, behind the {home}, where nobody listened but a~ <bird>. <<f
  glad: You never make a mistake!>>
- {f} had to listen to {part} again and again. <<f say: If you stop, I could go on by myself, / I
  know it so well.>>
- {f} beat time while {h} practiced {part}. After a week they could both have done it in their
  sleep.
- {he} did it for {f}, {he} did it for the hens, and {he} did it for the mirror. It went well every
  time.

stage:
- then the [big |great |]day came. {h} peeked through the curtain. [So many eyes|So many faces|What
  a crowd]! {his} tummy felt as if it were full of <bug2>s.
- when {his} turn came, {h} walked out. [The lights were bright|The room was full|It was very
  bright up there]. There sat {g}, there sat {o.new}, there sat everybody.
- <<h worry: There are a hundred people out there! / Maybe two hundred!>> Somebody gave {him} a
  small push, and there {he} stood.
- on the evening of the show the whole place smelled of <smell>. {h} heard {his} name. {he} took
  one step, and another, and there was nothing in front of {him} but faces.

bug2 = moth, beetle, cricket, butterfly, bumblebee

freeze:
- {h} opened {his} mouth, and {stuck}. It was so quiet that you could hear a~ <bug> walk.
- it was time to [begin|start]. But {stuck}! Somebody [coughed|sneezed|whispered]. A chair
  [creaked|scraped].
- {he} bowed. And then {stuck}. {his} face grew hot. {he} wished the floor would open.
- {h} looked at the people, and the people looked at {h}. And then {stuck}.
- now, {he} thought. Now! But {stuck}. Somewhere a baby laughed.

bad:
- {he} tried to smile, but it came out crooked. {he} tried to start anyway, and it came out as a
  squeak.
- <<h shy: I, um, I.>> That was all {he} could say.
- {he} looked for the way out. It was very far away.
- {his} knees turned to [jelly|butter|water]. One second went by, and another, and each was as long
  as a week.
- someone in front whispered. {h} wished {he} were [a mouse in a hole|at home in bed|a stone at the
  bottom of the sea].

help_beat:
- then {f} {help}. {h} looked up. {go}.
- but {f} had not practiced all those weeks for nothing. {f} {help}. And see, {go}.
- in the third row sat {f}, who knew {part} as well as {he} did. {f} {help}. At once {go}.
- and then, from somewhere in the dark, {f} {help}. It was just what {h} needed. {go}.

clap:
- at the end there was such a clapping and stamping that the lamps shook. {h} bowed and pointed at
  {f}.
- how they clapped! <<h call: {f.name}, come up here!>> And they took a bow together, {h.hand} in
  {f.hand}.
- "[More|Again|Once more|Encore|Bravo]!"^they [shouted|cried|called]. "[More|Again|One more time]!"
  So {h} did it all over again, and this time with {f}.
- you could hear the clapping as far away as {out}. <<f glad: I knew you could do it!>>
- {h} bowed once to the people and once, a bit lower, to {f}.

moral:
- <moral_intro> [a friend in the third row is better than no mistakes|everybody gets stuck, and
  everybody can go on again|it is all right to be nervous].
- <<h ask: How did you know what to do?>> <<f say: I didn't. / I just wanted you to look at me and
  not at them.>>
- <<g soft: That was lovely. / The best bit was when you began again.>>
- <end2>
- ever since, when {h} has to stand up in front of others, {he} looks for one friendly face. There
  is always one.

start:
- <open> <news> ¶ <practice> <stage> ¶ <freeze> <bad> ¶ <help_beat> <clap> <moral>
- <open> ¶ <news> <practice> <stage> <freeze> ¶ <help_beat> <clap> ¶ <moral>
- <brief> <news> <practice> ¶ <stage> <freeze> <bad> ¶ <help_beat> <clap> ¶ <moral>
"""
