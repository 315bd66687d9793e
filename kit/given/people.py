"""The names and kinds of the characters, and the places where they live, one list a string."""

GIRLS = """
Ada Alice Alma Amara Amelia Amy Ana Anaïs Anna Anya Astrid Aisha Bea Bella Beth Bianca Billie
Bonnie Carla Carmen Cara Celia Chloë Clara Cora Daisy Dana Daphne Delia Dina Dora Edith Eliza Ella
Ellie Elsie Emma Erin Esme Esther Eva Fatima Faye Fern Fiona Flora Freya Frida Gemma Gina Grace
Greta Gwen Hana Hannah Hattie Heidi Helen Holly Ida Imani Inés Ingrid Irene Iris Isla Ivy Jada
Jane Jasmine Jenny Jill Joan Josie Joy Julia June Kamala Kate Kaya Kim Kira Lara Laura Layla Léa
Leila Lena Lila Lily Lina Lola Lottie Lucía Lucy Luna Mabel Maja Maggie Mara Maria Marta Maya
Meera Mei Mia Mila Mina Molly Mona Nadia Naomi Nell Nia Nina Noa Nora Odette Olga Olive Opal Paula
Pearl Penny Petra Pia Polly Priya Rania Renée Rita Robin Rosa Rosie Ruby Ruth Sadie Sally Sara
Selma Siân Sofia Sonia Stella Sue Suki Tala Tara Tessa Thea Tilly Tina Una Uma Vera Violet Wanda
Wendy Willa Yara Yuki Zara Zelda Zoë Zuri
"""
BOYS = """
Aaron Abe Adam Ahmed Alan Albert Alex Ali Amos Anders André Ángel Anton Arlo Arthur Asher Ben
Bilal Björn Bobby Boris Bruno Caleb Carl Carlos Cesar Charlie Chen Cody Colin Cyrus Dan Daniel
Darius David Davy Denis Dev Diego Dylan Eddie Eli Elio Emil Emre Eric Ethan Evan Ezra Felix Finn
Frank Fred Gabe Gary George Gus Hal Hamza Harry Hasan Henry Hugo Ian Idris Igor Isaac Ivan Jack
Jacob Jake Jamal James Jamie Jasper Jay Jim Joe Joel John Jonah José Juan Jude Kai Karim Keith Ken
Kofi Kwame Lars Leo Levi Liam Louis Luca Luis Luke Mani Marco Mario Mark Martin Mateo Matt Max
Miguel Mike Milo Mohan Moses Nate Nathan Ned Neil Niko Noah Noël Oliver Omar Oscar Otis Otto Owen
Pablo Patrick Paul Pedro Percy Pete Peter Quinn Rafael Raj Ralph Ravi Ray Remy René Rex Robert
Roger Rohan Rory Ross Roy Rudy Sam Samir Samuel Sanjay Scott Sean Simon Søren Stan Steve Sven Taro
Ted Teo Theo Thomas Tim Toby Todd Tom Tomás Tony Umar Victor Vikram Walter Wes Will Yann Yusuf
Zach Zane
"""
SHE_ANIMALS = """
Amber Bluebell Bramble Buttercup Button Clover Clementine Cricket Dandelion Dimple Dot Dottie Fig
Flicker Flossie Fluff Freckle Ginger Hazel Honey Juniper Lark Lavender Lulu Maple Marigold Mimi
Minnow Misty Mitzi Nettle Nutmeg Olive Patch Peach Peaches Pebble Pepper Petal Pippa Plum Poppy
Posy Primrose Pumpkin Quilla Raisin Rosehip Rue Saffron Sage Scarlet Snowdrop Sorrel Sugar Tansy
Tulip Twinkle Velvet Whisper Willow Winnie
"""
HE_ANIMALS = """
Acorn Alder Ash Barley Basil Benny Biscuit Boots Bounce Brisk Bristle Bumble Burdock Burr Buster
Chestnut Chip Cinder Clover Cobble Conker Copper Crumb Dash Digger Dusty Elmer Fergus Fidget Flint
Fudge Gizmo Gulliver Hickory Hobble Huck Jasper Jumble Kip Linus Marble Moss Mungo Nibbles Noodle
Oakley Oats Pickle Pip Pockets Quill Radish Reed Rowan Rufus Russet Rusty Scamp Scout Skip Snuffle
Socks Sprig Sprout Stanley Stubbs Thistle Toffee Truffle Tuck Tumble Twig Wallace Waffle Whiskers
"""
HEROES = """
rabbit fox bear mouse squirrel hedgehog badger mole otter raccoon kitten puppy beaver chipmunk
hamster dormouse wombat panda koala possum lynx marmot ferret stoat shrew vole skunk monkey
"""
ELDERS = """
owl goose tortoise heron crow toad deer donkey goat sheep horse pelican stork turkey swan moose
"""
JOBS = """
baker gardener librarian farmer shoemaker carpenter painter fisher tailor potter beekeeper teacher
clockmaker doctor sailor musician blacksmith florist cook weaver
"""
SURNAMES = """
Abara Adler Banks Baptiste Bell Birch Blum Brook Carter Castillo Cho Costa Diaz Dimitrov Dubois
Eze Field Finch Flores Fujita García Gray Green Haddad Hall Hill Hoshi Ibarra Ivanov Jensen Joshi
Kaur Khan Kim Klein Kowalski Lam Lindgren López Marsh Mensah Moon Morris Müller Nakamura Novak
Núñez Okafor Olsen Park Patel Peña Pereira Petrov Pike Pond Popov Quist Ramos Reed Rossi Sato
Silva Singh Snow Stone Tan Torres Vega Waters Weber Wood Yamada Young Zhou
"""
# Who plays in every story of the series: for each role of cast.py (h f g o n) a she and a he.
SERIES = """
Lily Ben
Anna Sam
Wendy Will
Green Hill
Nora Otto
"""
# A place to go to, and the same place as where somebody is.
CHILD_PLACES = """
the park | in the park
the beach | at the beach
the garden | in the garden
the playground | at the playground
the pond | by the pond
the village green | on the village green
the river | by the river
the schoolyard | in the schoolyard
the orchard | in the orchard
the field behind the house | in the field behind the house
"""
WOOD_PLACES = """
the meadow | in the meadow
the pond | by the pond
the clearing | in the clearing
the brook | by the brook
the hilltop | on the hilltop
the blackberry patch | in the blackberry patch
the old oak | under the old oak
the mossy rocks | among the mossy rocks
the mill stream | by the mill stream
"""
CHILD_LANDS = """
in a small town by the sea
in a busy city
in a village among the hills
in a yellow house on a quiet street
on a farm with a red barn
by a wide river
on the top floor of a tall building
at the edge of a deep forest
near a harbor
on a little island
in a cottage with a blue door
at the end of a long lane
in a white house beside a café
on a houseboat
next door to a bakery
in a valley full of apple trees
in an old mill
above a tiny bookshop
"""
WOOD_LANDS = """
in a hollow under a hill
in a green wood
at the edge of a wide meadow
beside a chattering brook
in a burrow beneath an oak
in a forest full of ferns
in a snug den by a lake
between the roots of a beech tree
deep in a pine wood
in a tiny house made of stones
behind a waterfall
under a hedge by a cornfield
in a valley where bluebells grew
at the foot of a mountain
on a grassy riverbank
"""
