"""Plots between friends: one toy for two, a goodbye."""

SHARING = """
@scene
- thing = <color> wagon; want: to pull the wagon; tug: pulled at the handle; result: the handle
  came off; mend: tied the handle on with a rope; turns: one sat in the wagon and the other pulled;
  better: and nobody had to pull an empty wagon
- thing = <color> kite; want: to hold the string; tug: tugged at the string; result: it snapped,
  and the kite landed in a thornbush; mend: made a new string out of <few> shoelaces; turns: one
  held the string and the other ran with the kite; better: and with a runner it flew twice as high
- thing = [striped|spotted|checkered|<color>] ball; want: to have the ball; tug: grabbed the ball;
  result: it flew over the fence and into a puddle; mend: fished it out with a rake; turns: one
  threw and the other caught; better: because a ball is no fun with nobody to throw it back
- thing = big sheet of paper; want: to draw on it; tug: held on to a corner; result: it tore right
  down the middle; mend: taped it together; turns: one drew the <beast>s and the other drew the
  trees; better: and the line in the middle became a river
- thing = swing; want: to swing first; tug: grabbed the seat; result: the old rope broke; mend:
  asked {g} for a new rope and tied a good knot; turns: one swung and the other pushed; better: and
  with a push you go much higher
- thing = little rowboat; want: to hold the oars; tug: grabbed an oar; result: the boat tipped over
  and they were both soaking wet; mend: turned it over and bailed it out with a cap; turns: each of
  them took one oar; better: and with one oar each, the boat went straight at last
- thing = last <treat>; want: to eat it; tug: reached for the plate; result: it fell and rolled
  under the <furniture>; mend: picked it up and blew off the dust; turns: one cut it in two and the
  other chose first; better: and the two halves had never been so equal
- thing = <instrument>; want: to play it; tug: pulled at it; result: it fell with a sad, hollow
  sound; mend: polished it until the scratch was gone; turns: one played and the other danced;
  better: since music is for more than one
- thing = box of <few> paints; want: to paint first; tug: snatched at the box; result: the paint
  spilled all over the grass; mend: scooped up what was left; turns: one painted the sky and the
  other painted the ground; better: and the picture was twice as big as usual

find:
- <oneday>, {h} and {f} found a~ {thing} at {g}'s house. Both of them wanted {want}.
- {g} gave {h} and {f} a~ {thing}. But there was only one, and both wanted {want}.
- that <daytime>, {h} was happy with a~ {thing}. Then {f} came along and wanted {want}, too.
- {f} came to play, and {g} brought out a~ {thing}. <<h glad: I saw it first!>> <<f glad: No, I
  did!>>
- on the way to {out}, {h} and {f} came upon a~ {thing} that {g} had put out for them. There was
  one of it, and there were two of them, and each wanted {want}.

quarrel:
- <<h cross: It is mine!>> <<f cross: No, it is mine!>> {h} {tug}. {f} {tug}, too. They
  [pulled|fussed] and [shouted|huffed], until {result}.
- <<h cross: Me first! / You always go first!>> <<f cross: That is not true!>> {h} {tug}, and {f}
  {tug} even harder. Then {result}!
- neither of them wanted to wait. {h} {tug}. {f} {tug}. And so, of course, {result}.
- <<f cross: Give it to me! / You had your turn yesterday.>> {h} held on tight. <<h cross: I will
  not!>> Then {result}.
- at first they were polite about it. Then they were not. {h} {tug}, {f} {tug}, and [in the middle
  of it all|sooner than you can say "please"] {result}.
- "Mine!"^and "No, mine!"^went back and forth like a ball. {h} {tug}, and so did {f}. It could not
  end well, and {result}.

still:
- now it was very quiet. <<f sad: Look what we did.>> <sad_move>
- they stared at each other. Nobody shouted now. <sad_move>
- {h} turned [left|away] and {f} turned [right|the other way], and for a long time they did not
  speak. It was [dull|lonely|no fun at all].
- {h} wanted to say that it was {f}'s fault. {f} wanted to say that it was {h}'s. But neither of
  them said it, because both of them knew better.
- <<h cross: Now see what you did!>> <<f cross: What I did?>> Then they both ran out of words.
  <sad_move>
- you could have heard a leaf fall. {f} bit {f.his} lip. {h} picked at {his} <clothing>.

adult:
- {g} came out to see. {g.he} did not scold. <<g ask: [Who has the {thing} now?|And who won?]>> <<h
  shy: Nobody.>>
- <<g wise: Two can pull until nobody has anything. / Or two can think.>>
- {o.new} had seen it all from {o.his} window. <<o wise: When I was small, my brother and I had one
  pair of boots. / He took the left, I took the right, and we hopped to school.>> {h} had to laugh,
  and {f} laughed too.
- <<h shy: I am sorry that I pulled.>> <<f shy: I am sorry, too. / I should have waited.>>
- {h} looked at {f} out of one eye, and {f} looked at {h} out of one eye. {f} was the first to
  grin. <<f shy: We are a bit silly, aren't we?>>
- <<g soft: I could decide for you. / But I think that you two are clever enough.>> And {g} went
  back inside.

idea:
- together they {mend}. Then {h} had an idea. <<h glad: Let us do it together!>> So {turns},
  {better}.
- <<f say: First we put it right. / Then we share.>> They {mend}. After that {turns}, {better}.
- they {mend}, and it went quickly with four {h.hands}. And then? Then {turns}, {better}.
- <<h ask: What if we take turns?>> They {mend}. From then on {turns}, {better}.
- <<f ask: And if we both have it?>> It was worth a thought. They {mend}. And then {turns},
  {better}.

moral:
- <moral_intro> [half of something shared is more than all of nothing|sharing makes a small thing
  bigger|taking turns takes less time than a quarrel].
- <<f glad: It is more fun this way! / Why did we not think of it before?>>
- "mine" is a short word, {g} said that night, but "ours" is shorter than a quarrel.
- and when {h}'s cousin came to visit, {h} knew just what to say: "There is room for three."
- <end2>

start:
- <open> ¶ <find> <quarrel> ¶ <still> <adult> ¶ <idea> <glad_move?> <moral>
- <open> <spice?> ¶ <find> <quarrel> <still> ¶ <adult> <idea> ¶ <moral>
- <brief> <find> ¶ <quarrel> <still> ¶ <adult> <idea> ¶ <moral>
"""

GOODBYE = """
@scene
- gift = a friendship bracelet; half: made out of <few> threads; use: whenever {he} touched it,
  {he} thought of {f}; far: on the other side of the mountains; sign: every evening at seven they
  both looked at the same star
- gift = a jar of paper stars; half: one for each day until the summer; use: every morning {he}
  took out one star; far: <number> hours away by train; sign: when the jar was empty, the train
  brought {f} for a visit
- gift = half a seashell; half: and the other half stayed with {f}; use: at night {he} held it to
  {his} ear; far: in a town by the sea; sign: both halves fit together like new when {f} came to
  stay in the <season>
- gift = a book with empty pages; half: to be filled by both of them in turn; use: {he} drew a
  picture in it and mailed it, and {f} drew the next one; far: across the wide river; sign: the
  book went back and forth until it was as fat as a pillow
- gift = a little <flower> plant; half: grown from a seed of {f}'s own garden; use: {he} watered it
  and told it the news; far: in the south, where it is never cold; sign: it bloomed on the very day
  that a letter came
- gift = a~ <instrument>; half: so that {he} could learn their song; use: {he} played a bit each
  evening; far: beyond <few> hills; sign: on windy nights {he} was sure that someone far away was
  playing along

best:
- {h} and {f} did everything together. They played <game>, they ate <treats>, and they laughed at
  the same jokes.
- if you saw {h}, you saw {f}, too. They had been friends since they were [tiny|babies|very small].
- {h}'s best friend was {f}. On Mondays they went to {out}, and on all the other days as well.
- nobody made {h} laugh like {f}, and nobody made {f} laugh like {h}. Together they played <game>,
  and in the evening they never wanted to stop.
- "Where one is, there is the other," people said about {h} and {f}. They even [yawned at the same
  time|had the same kind of <clothing>].

news:
- <oneday>, {f} came with [red eyes|a long face]. <<f sad: We are moving away. / Our new home is
  {far}.>>
- <<f sad: I have to tell you something. / We are going to live {far}.>> {h} thought it was a joke,
  but {f} did not laugh.
- then {g} sat down with {h}. <<g soft: {f.name}'s family is moving. / They will live {far}.>>
- there was a wagon in front of {f}'s door, and it was full of boxes. <<h ask: What is all that?>>
  <<f sad: Our things. / We are going away, {far}.>>

angry:
- {h} was so [sad|hurt] that {he} got angry. <<h cross: Then go! / I do not care.>> {he} ran home
  and slammed the door.
- {h} did not want to hear it. {he} hid behind the <furniture> and would not come out to play,
  because [then it could not be true|that way, {he} thought, nothing would change].
- at first {h} tried to stop it. {he} hid {f}'s <footwear>. {he} even sat down on a packed box. But
  of course [that did not help|it was no use], for the wagon was already on its way.
- <sad_move> "It is not fair," {he} said, and {he} said it <few> times.
- {h} put {his} {h.hands} over {his} ears. {he} did not say a word for the rest of the day. When
  {f} knocked, {he} [pretended to be asleep|did not open].

talk:
- <<g wise: You are sad because you love {f.name}. / That is nothing to be cross about. But do not
  waste the last day.>>
- {g} [sat down beside {him}|put an arm around {him}]. <<g soft: A friend who goes away does not
  stop being a friend. / Is there something you want to say to {f.name}?>>
- <<h sad: Who will play with me now?>> <<g wise: Far away is only a place. / Friends can reach a
  long way.>>
- <<h cross: I hate moving.>> <<g soft: I know. / You may be sad and still wave. Shall I help you
  think of something?>>
- {g} told {him} about a friend of long ago, who lived [over the sea|on a mountain] and still wrote
  every spring. <<g wise: It is not the miles that end it. / It is the silence.>>

gift_beat:
- {h} thought [all night|about it]. The next morning {he} <ran> to {f} with {gift}, {half}. <<h
  shy: I did not mean what I said. / I will miss you.>>
- {h} wiped {his} nose and went to work. When the wagon was full, {he} gave {f} a hug, and each of
  them got a gift. {h}'s was {gift}, {half}.
- on the last day, {f} was the one who had brought something: {gift}, {half}. <<f soft: So that you
  do not forget me.>> <<h sad: As if I could!>>
- that night {h} did not sleep much, for {he} was busy. In the morning {he} put {gift} in {f}'s
  {f.hand}, and {f} had one for {him} as well, {half}.

wave:
- then the wagon [rolled|bumped|rattled] down the road. {h} waved until it was [as small as a~
  <bug>|only a dot|gone].
- they waved and waved, with both {h.hands}. And then the road was empty.
- {f} leaned out of the window and waved {f.his} <color> <clothing>. {h} ran alongside as far as
  the bridge.
- the wheels began to turn. <<f call: Don't forget me!>> <<h call: Never!>> And they waved until
  there was nothing left to wave at.
- {h} climbed the <tree> tree to see the wagon a little longer. It crossed the bridge, it passed
  the mill, and then there was only dust.

later:
- the days were long at first. But {use}, and {sign}.
- was {h} sad? Yes, a little. But {use}. And {sign}.
- after that {use}, and it helped. And {sign}.
- some days were gray and some were not so gray. {use}, and as for the rest, {sign}.
- time passed, as it does. {use}. And you may believe it or not: {sign}.

moral:
- <moral_intro> [you can carry a friend with you|goodbye is not the end of a friendship|a friend
  far away is still a friend].
- <<h say: It is far, / but not too far for us.>>
- one day somebody new knocked at the door and asked {him} to play <game>. {h} said yes. There is
  room in a heart for more than one friend.
- <end_night>

end_night:
- that night the same moon looked in at {h}'s window and at {f}'s.
- and when {h} slept, {he} dreamed that the two of them were <like_doing>.

start:
- <open> <best> ¶ <news> <angry> ¶ <talk> <gift_beat> ¶ <wave> <later> <moral>
- <brief> <best> ¶ <news> <angry> ¶ <talk> <gift_beat> ¶ <wave> <later> ¶ <moral>
"""
