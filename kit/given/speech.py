"""What happens between the beats: small details on the way, and how people speak."""

DETAILS = """
spice:
- <air>
- [there was|{he} could hear|far away they heard] <sound>.
- there was a smell of <smell> in the air.
- a~ <bug> [crawled across {his} sleeve|sat on {his} sleeve|crept along {his} arm] and [went on its
  way|stayed for a while|tickled {him}].
- <joke>
- {his} tummy [rumbled|growled|grumbled] a little, [but {he} hardly noticed|for lunch was still far
  off|like a small bear].
- a~ <bird> [watched|looked on|peeked down] from a~ <tree> tree[ and said nothing| with its head on
  one side|].
- {h} hummed a~ [little|silly|slow|cheerful|bouncy] tune[ about a~ <beast>| that had no words| as
  {he} went|].

joke:
- <<f ask: Do you know a joke? / <riddle>>> [{h} laughed so hard that {he} got the hiccups.|{h}
  groaned and laughed at the same time.|They both giggled.|It was an old joke, but a good one.]

riddle:
- What has hands but cannot clap? A clock!
- What gets wet while it dries? A towel!
- What has teeth but never bites? A comb!
- What has one eye but cannot see? A needle!
- What has ears but hears nothing? A corn field!
- What goes up when the rain comes down? An umbrella!
- What has a neck but no head? A bottle!
- What has legs but cannot walk? A table!
- Why did the cookie go to the doctor? It felt crummy!
- What do you call a bear with no teeth? A gummy bear!
- Why was the broom late? It overswept!
- What kind of tree fits in your hand? A palm tree!
- What is a~ <beast>'s favorite game? Squash!
- What did one wall say to the other? Meet you at the corner!

song:
- "<la> lo, [over the hills|down the lane|through the trees|home again|up and down] we go!"
- "<la> lee, [the sun and the wind|the birds and the bees|the moon and the stars|a friend and a
  song] [are good enough for|will dance with|belong to] me!"
- "<la> lay, [what a silly|what a sunny|what a funny|oh what a lovely] [day|day, hooray]!"
- "<la> loo, [I have a song|I found a friend|I know a game] and you can too!"
- "<la> lum, [boom goes the drum|tap with your thumb|hear the bees hum]!"

around:
c- [in town|on the street|in the village|in the neighborhood|on the hill]
w- [in the wood|in the meadow|in the valley|on the hillside|by the lake|along the brook]

oneday:
- [one day|one day|one morning|one afternoon|one fine day|one <weather> <daytime>|one <weather> day
  in <season>]

la = tra la, la la, fa la, hey dee, ho ho, dum dee, doo dee, hum de, tiddle de

glad_move:
- {h} [jumped up and down|spun in a circle|did a little dance|clapped {his} {h.hands}|threw {his}
  <clothing> in the air|<smiled> from ear to ear].
- {h} felt [as light as a feather|warm all over|as tall as a tree|ten feet tall|like singing].
- {h}'s [eyes|whole face] [shone|lit up|glowed] <like_glad>.
- {h} was so <glad> that {he} [hugged everyone in sight|forgot how tired {he} was|could not sit
  down|laughed out loud].
- a~ [big|wide|slow|happy] smile spread over {h}'s face.
- {h} could not stop smiling.
- inside, {h} felt [a warm glow|a happy flutter|all bubbly], like [cocoa on a cold day|a jar of
  fireflies|soup in winter|a kite going up].

sad_move:
- {h} sat down [at once|right there|with a bump|all alone] and [<cried>|put {his} head in {his}
  {h.hands}|sighed a long sigh].
- a~ [big|fat|hot|slow] tear rolled down {h}'s [cheek|nose].
- {h} felt [a lump in {his} throat|a stone in {his} tummy|as small as a~ <bug>|<sad> and <tired>].
- {h}'s [lip|chin] began to [shake|tremble|wobble].
- {h} was so <sad> that even <like_doing> did not sound like fun.
- {h} [hung {his} head|looked at the ground|let out a long sigh|sighed from {his} nose to {his}
  toes].
- all the [joy|fun|sparkle] went out of {h}, [like the air from a balloon|like water from a
  tub|like the light from a lamp].

think_move:
- {h} [thought|thought hard|thought and thought|scratched {his} head|rubbed {his} chin|closed {his}
  eyes to think].
- {h} sat still [for a while|for a minute] and thought [it over|about it|as hard as {he} could].
- %for a moment%{h} [said nothing|only looked|was very quiet]%.
- {h} [counted to ten|took a slow breath|twirled a blade of grass] and thought.

thanks:
- <<h glad: Thank you, {f.name}! / [You are a true friend|I could not have done it alone|You are
  the best|That was so kind of you|I will never forget it].>>
- <<h glad: Oh, thank you! / [What would I do without you, {f.name}?|You saved the day, {f.name}!|I
  owe you a~ <treat>, {f.name}.]>>
- {h} [hugged {f}|gave {f} a~ [big|tight|long] hug|squeezed {f}'s {f.hand}] and [thanked
  {f.him}|said thank you|said thank you three times over].
- <<h glad: [You did it|We did it], {f.name}! / [Hooray!|What a team we are!|I knew we could!]>>
"""

SPEECH = """
verb_say = said
verb_ask = asked
verb_glad = said, cried, laughed, called, shouted, cheered, sang out, exclaimed, squealed
verb_sad = said, sniffed, sobbed, sighed, mumbled, whispered, wailed
verb_soft = said, whispered, murmured, said
verb_cross = said, snapped, grumbled, shouted, growled, huffed
verb_wise = said, said, said, explained
verb_call = called, shouted, cried, called out, hollered
verb_shy = whispered, said, mumbled, said, stammered
verb_worry = said, gasped, cried, whispered, said

tail_say:
- [ with a smile| with a nod| after a while| slowly| at last| quickly||, smiling|, nodding]

tail_ask:
- [ with wide eyes| in surprise|, leaning closer| softly| kindly| with {s.his} head on one side|]

tail_glad:
- [ happily| with shining eyes| with a big grin|, clapping {s.his} {s.hands}| at the top of {s.his}
  voice|, laughing|, with a little hop| proudly| all in one breath|, out of breath|, beaming]

tail_sad:
- [ in a tiny voice|, wiping {s.his} eyes|, looking at the ground| with a big sigh| with tears in
  {s.his} eyes| so softly that it was hard to hear]

tail_soft:
- [ with a smile| in a low voice| tenderly| kindly| warmly| after a while]

tail_cross:
- [ with a frown|, stamping {s.his} foot| crossly|, folding {s.his} arms|, turning away|, red in
  the face| much too loudly]

tail_wise:
- [ kindly| after thinking for a while| with a wink| with a nod| calmly| in a warm voice|
  patiently| with a smile]

tail_call:
- [ as loudly as {s.he} could| with both {s.hands} around {s.his} mouth|, waving both arms]

tail_shy:
- [, turning pink| in a very small voice|, looking at {s.his} toes| shyly| almost too softly to
  hear| without looking up]

tail_worry:
- [ in a shaky voice| with wide eyes|, hardly breathing|, looking all around|, pale as paper|
  nervously]

act_say:
- {s} [nodded|looked up|smiled|thought about it|shrugged|rubbed {s.his} chin|scratched {s.his}
  ear].
- %for a moment%{s} said nothing%.

act_ask:
- {s} [looked up|tilted {s.his} head|came closer|stopped|blinked|sat down close by|leaned in].
- {s} looked [puzzled|surprised|curious].

act_glad:
- {s} [<jumped> for joy|clapped {s.his} {s.hands}|threw {s.his} arms in the air|laughed out
  loud|beamed <like_glad>|could hardly stand still|jumped up and down].
- {s}'s eyes [shone|sparkled|grew big and round|lit up].

act_sad:
- {s} [sniffed|hung {s.his} head|let out a sigh|wiped {s.his} eyes|swallowed hard|blinked back a
  tear].
- {s}'s [lip|voice|chin] [shook|trembled|wobbled].

act_soft:
- {s} [smiled|leaned close|bent down|sat down close by|gave a small nod|took a deep breath].
- {s}'s voice was [soft|gentle|warm|low and kind].

act_cross:
- {s} [frowned|stamped {s.his} foot|folded {s.his} arms|scowled|glared|turned red|made a face].

act_wise:
- {s} [smiled|nodded slowly|winked|thought for a moment|looked up from {s.his} work|chuckled|rubbed
  {s.his} chin].

act_call:
- {s} [waved|waved both arms|stood on tiptoe|jumped up and down].

act_shy:
- {s} [looked at the ground|turned pink|shuffled {s.his} feet|took a small step closer|blushed].

act_worry:
- {s} [gasped|turned pale|bit {s.his} lip|jumped back|swallowed hard|looked all around].
- {s}'s [heart beat fast|knees shook|eyes grew wide].
"""
