"""The words of the stories: every list is a rule of the grammar, `<color>` is one of its words."""

WORDS = """
color = red, blue, green, yellow, orange, purple, pink, white, black, brown, gray, silver, golden,
  scarlet, violet, turquoise, crimson, lilac, sky-blue, pale green, bright red, dark blue, cream,
  rosy, lemon-yellow, ruby-red, chestnut, copper, mint-green, navy, peach, rainbow-colored
pattern = striped, spotted, checkered, plaid, flowery, polka-dot, patchwork, zigzag, starry,
  woolly, knitted, quilted, velvet, corduroy, flannel, fluffy, crinkly, lacy, tartan
small = little, small, tiny, wee, teeny, mini, pocket-sized, dainty, thumb-sized
big = big, large, huge, enormous, giant, great, grand, mighty, massive, towering
nice = lovely, fine, splendid, beautiful, handsome, wonderful, pretty, charming, dear, marvelous,
  merry, jolly, graceful, delightful
old = old, faded, rusty, dusty, worn, crooked, creaky, patched, wobbly, chipped, dented, well-loved
bright = bright, shiny, sparkling, glittering, gleaming, twinkling, glowing, shimmering, dazzling,
  glossy
trait = cheerful, curious, lively, friendly, bright-eyed, freckled, gentle, chatty, playful,
  dreamy, bouncy, kindly, sunny, warm-hearted, merry, thoughtful, funny, quick, round-cheeked,
  eager, good-natured, busy, imaginative, sweet-tempered, rosy-cheeked, spry, jolly, inquisitive,
  smiling
glad = happy, glad, delighted, joyful, pleased, cheerful, merry, proud, thrilled, overjoyed, jolly,
  light-hearted, content
sad = sad, unhappy, gloomy, miserable, downhearted, heavy-hearted, glum, woeful, down in the dumps,
  low
cross = cross, angry, grumpy, annoyed, grouchy, furious, sulky, snappish, huffy
scared = scared, afraid, frightened, nervous, shaky, timid, fearful, jittery
tired = tired, sleepy, weary, drowsy, worn out, yawny
flower = daisy, rose, tulip, poppy, violet, buttercup, bluebell, lily, daffodil, sunflower, pansy,
  marigold, primrose, snowdrop, dandelion, iris, foxglove, peony, clover, cornflower, crocus
tree = oak, elm, pine, maple, willow, birch, chestnut, apple, cherry, pear, plum, beech, fir,
  cedar, walnut, hazel, poplar, ash, linden, alder, rowan
bird = robin, sparrow, blackbird, wren, finch, swallow, lark, thrush, starling, dove, woodpecker,
  magpie, cuckoo, jay, kingfisher, nightingale, goldfinch, titmouse
bug = ladybug, beetle, butterfly, bumblebee, cricket, grasshopper, dragonfly, ant, moth, snail,
  caterpillar, firefly, spider, worm
beast = elephant, lion, giraffe, whale, camel, zebra, tiger, crocodile, hippo, kangaroo, dinosaur,
  dragon, unicorn, penguin, flamingo, rhino, gorilla, camel, bison, seal, turtle, yak, puffin,
  lizard, parrot, dolphin
fruit = apple, pear, plum, peach, orange, banana, apricot, cherry, strawberry, lemon, fig, melon
fruits = apples, pears, plums, peaches, oranges, bananas, apricots, cherries, strawberries, lemons,
  figs, melons, nuts, limes
berry = blackberry, blueberry, raspberry, strawberry, gooseberry, elderberry, cranberry
vegetable = carrot, turnip, pumpkin, onion, potato, cabbage, beet, leek, radish, parsnip, squash,
  cucumber, pea pod, tomato, bean
treat = honey cake, apple tart, berry muffin, ginger cookie, plum pie, cinnamon bun, jam tart,
  lemon cake, nut roll, pancake, carrot cake, crêpe, cherry pie, oat cookie, waffle, raisin bun,
  butter biscuit, cupcake, éclair, peach cobbler, gingerbread star, rice pudding, almond crescent
treats = honey cakes, apple tarts, berry muffins, ginger cookies, cinnamon buns, jam tarts,
  waffles, lemon cakes, pancakes, oat cookies, raisin buns, butter biscuits, cupcakes, crêpes,
  cherry pies, gingerbread stars, nut rolls, popovers, plum dumplings
drink = warm milk, hot cocoa, apple juice, mint tea, lemonade, honey tea, plum juice, ginger tea,
  berry punch, cider, malted milk
soup = vegetable soup, pumpkin soup, carrot soup, mushroom soup, onion soup, tomato soup, pea soup,
  barley broth, bean stew, potato stew, chestnut soup, noodle soup
toy = kite, ball, boat, drum, top, wagon, puppet, train, doll, hoop, yo-yo, jump rope, whistle,
  rocking horse, spinning top, music box, paper plane, toy truck, stuffed bear, rag doll, marble
clothing = scarf, hat, coat, sweater, cap, vest, raincoat, apron, jacket, cape, shawl, beret, hood,
  waistcoat, cardigan, bonnet
footwear = boots, socks, slippers, mittens, gloves, sandals, suspenders, earmuffs, overalls
furniture = table, chair, bench, stool, shelf, cupboard, wardrobe, armchair, rocking chair, chest,
  sofa, dresser, bookcase, desk
vessel = basket, bucket, box, jar, bag, basin, bowl, sack, pot, tin, crate, barrel, suitcase,
  pouch, wheelbarrow, pail
treasure = smooth pebble, gray feather, brass button, pine cone, blue bead, snail shell, acorn cap,
  copper coin, glass marble, piece of string, round stone, bit of ribbon, bent spoon, seashell,
  shiny key, bird's feather, postage stamp, cork, walnut shell, tin star, wooden bead
treasures = smooth pebbles, feathers, brass buttons, pine cones, glass beads, snail shells,
  ribbons, acorn caps, old coins, marbles, pieces of string, round stones, corks, seashells,
  postage stamps, colored leaves, bottle caps, walnut shells, chestnuts, pressed flowers
tool = hammer, saw, rope, ladder, shovel, rake, broom, bucket, wheelbarrow, brush, needle, lantern,
  spade, hoe, screwdriver, ruler
instrument = drum, flute, fiddle, trumpet, banjo, tambourine, harp, accordion, horn, xylophone,
  ukulele, triangle, cello, harmonica, piccolo
game = hide-and-seek, tag, leapfrog, hopscotch, marbles, catch, I spy, follow-the-leader, pirates,
  blind man's buff, red light and green light, skipping, dominoes, charades, explorers, tug-of-war
material = wood, clay, paper, wool, straw, tin, glass, felt, cardboard, wax, cloth, leather, stone
weather = sunny, windy, cloudy, misty, breezy, chilly, warm, mild, bright, fresh, crisp, gray,
  foggy, golden, clear, quiet, blustery, drizzly, cool, balmy
daytime = morning, afternoon, day, Saturday, Sunday, Monday, Tuesday, Wednesday, Thursday, Friday
season = spring, summer, autumn
number = two, three, four, five, six, seven, eight, nine, ten, eleven, twelve
few = two, three, four, five
softly = softly, quietly, gently, calmly, kindly, tenderly, warmly, in a low voice
quickly = quickly, fast, in a hurry, at once, right away, in a flash, as fast as {he} could,
  swiftly, without a word, in no time, straight away
carefully = carefully, slowly, gently, bit by bit, step by step, with great care, little by little,
  on tiptoe, very slowly
ran = ran, raced, dashed, hurried, rushed, scampered, trotted, sped, skipped, bounded, scurried,
  charged, galloped
walked = walked, strolled, wandered, went, marched, hiked, trudged, tiptoed, rambled, ambled,
  strode
looked = looked, peeked, peered, gazed, stared, glanced, squinted
jumped = jumped, hopped, leaped, bounced, skipped, twirled, danced, pranced
smiled = smiled, grinned, beamed, laughed, giggled, chuckled
cried = cried, wept, sobbed, sniffled
soon = soon, before long, after a while, a little later, in a little while, by and by, a bit later,
  not long after that, in a short while, presently, after some time, a few minutes later
suddenly = suddenly, all at once, just then, at that very moment, without warning, in the blink of
  an eye, out of nowhere, right then, that very minute, in that instant
at_last = at last, finally, in the end, after a long time
nextday = the next day, the next morning, early the next morning, the day after, the following
  morning, when the sun came up again, right after breakfast the next day
like_quiet = as quiet as a mouse, as still as a stone, like a cat on a carpet, as soft as a
  feather, like falling snow, like a leaf on a pond, as hushed as a library
like_fast = like the wind, like an arrow, like a rabbit with its tail on fire, like a shooting
  star, as fast as a train, like a leaf in a storm, like a deer, like a ball rolling downhill
like_glad = like a lamp, like the morning sun, like a star, like a birthday candle, like a window
  at Christmas, like a lighthouse, like a sunflower, like a new penny
like_big = as big as a house, as big as a cow, as tall as a tree, as wide as a barn door, as round
  as the moon, as heavy as a piano, as long as a train
smell = fresh bread, wet grass, cut hay, warm milk, pine needles, rain, apples, lavender, wood
  smoke, mint, roses, toast, honey, damp earth, cinnamon, baked pears, old books, soap, sea salt,
  nutmeg, oranges, clean laundry, blackberries, burnt sugar, hot butter, moss, lilac, wild garlic
sound = the hum of bees, a dog barking far away, the tick of a clock, the drip of a gutter, a
  far-off bell, the creak of a gate, the call of a cuckoo, the whistle of a train, the chirp of a
  cricket, leaves rustling, the buzz of a fly, the croak of a frog, a cart rattling by, somebody
  humming, the splash of water, the squeak of a wheel, a door closing softly, the flutter of wings,
  someone chopping wood, a kettle singing, the patter of small feet
sky = the clouds, the stars, the birds, the swallows, the kites, the falling leaves, the airplanes,
  the raindrops, the bees
like_doing = humming silly tunes, collecting smooth stones, drawing pictures of <beast>s, giving
  names to the clouds, counting <sky>, making up riddles, telling jokes, picking daisies, feeding
  the ducks, jumping in puddles, looking for four-leaf clovers, listening to stories, whistling
  with the birds, baking <treats>, painting stones, making mud pies, hunting for <berry> bushes,
  rolling down hills, playing <game>, asking questions, playing the <instrument>, dancing in the
  kitchen, collecting <treasures>, making daisy chains, skipping stones, watching <bug>s, smelling
  the flowers, building towers of stones, finding shapes in the clouds, drawing maps, blowing
  bubbles, wearing funny hats, inventing new words, eating <treats>, reading about <beast>s,
  folding paper birds, planting seeds, splashing in the brook, walking backward, singing to the
  moon, doing cartwheels, tasting new soups, telling tall tales, weaving baskets out of straw,
  making boats out of <material>, carving spoons, watching the rain, sorting buttons, catching
  falling leaves, sitting in the sun, making shadow animals, writing little poems, learning long
  words
"""
