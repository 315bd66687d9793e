"""A fable: the small one spared by the big one, and what came of it."""

SMALL = """
@scene
- b = ant; big = bear; spare: was about to sit down on the ant; plea: I have <number> children
  waiting; trap: got a bee stuck in his ear; fail: shook his head until he was dizzy, but the bee
  did not find the way out; act: crept into the ear and led the bee out by one leg
- b = mouse; big = lion; spare: had caught the mouse by the tail; plea: I am too small to fill you
  up; trap: was tangled in a net; fail: pulled and roared, and the knots only got tighter; act:
  gnawed through one knot after the other
- b = snail; big = horse; spare: nearly stepped on the snail; plea: I cannot run as you can; trap:
  had lost the way home in the dark; fail: galloped in circles, from one hedge to the next; act:
  showed the way by the silver trail it had left that morning
- b = sparrow; big = elephant; spare: was about to break off the branch with the sparrow's nest;
  plea: my eggs will hatch on Sunday; trap: was stuck in the mud up to his knees; fail: stamped and
  stamped, and the more he stamped, the deeper he sank; act: flew to fetch all the other elephants
- b = frog; big = bull; spare: wanted to drink up the frog's puddle; plea: it is the only water I
  have; trap: could not find water anywhere in the long, dry summer; fail: looked in all the old
  places, but they were dust; act: heard water under the ground, as frogs can, and showed where to
  dig
- b = firefly; big = owl; spare: had the firefly between two claws; plea: I am hardly a mouthful;
  trap: had hurt one wing and sat on the ground in the black night; fail: called for help, but the
  wind was louder; act: blinked and blinked until help came
- b = spider; big = king; spare: was going to sweep out the spider with a broom; plea: I only want
  a corner; trap: had to hide in a cave from a giant; fail: piled up stones, but they rolled away;
  act: spun a web across the cave, so that the giant thought nobody could be inside

@tone
- big_adj = great; small_adj = tiny
- big_adj = mighty; small_adj = little
- big_adj = proud; small_adj = wee
- big_adj = strong; small_adj = young

open_small:
- once there was a~ {big_adj} {big}, and there was a~ {small_adj} {b}. {witness}.
- long ago, when the <beast>s could still sing, there lived a~ {big_adj} {big}. {witness}.
- in a land far away, a~ {big_adj} {big} and a~ {small_adj} {b} were neighbors. {witness}.
- this is the tale of the {big} and the {b}. {witness}.

frame:
- {g} told {h} this story one <weather> <daytime>, and {h} never forgot it. Once there was a~
  {big_adj} {big}.
- "tell me a story," said {h}. <<g ask: A short one or a true one?>> "Both," said {h}. So {g}
  began. Once a~ {big_adj} {big} lived near a~ {small_adj} {b}.
- one <weather> evening, {h} could not sleep. <<h shy: {g}, / please tell me a story.>> So {g} told
  {him} the one about the {big} and the {b}.

@seen
- witness: The <tree> trees were as tall then as they are today
- witness: They lived on the same hill and had never met
- witness: The one took up a lot of room, and the other took up hardly any
- witness: Everyone bowed to the one and nobody noticed the other

mercy:
- one day the {big} {spare}. "Please wait!"^cried the {b}. "{plea}. Let me be, and one day I will
  help you."
- on a~ <weather> <daytime>, the {big} {spare}. "Stop!"^called a thin voice. It was the {b}.
  "{plea}. If you spare me, I will pay you back."
- it so happened that the {big} {spare}. "Oh, please," said the {b}. "{plea}. I could be a friend
  to you."
- they met for the first time when the {big} {spare}. "Not so fast!"^said the {b}. "{plea}.
  Besides, you may need me one of these days."
- nobody knows why, but one morning the {big} {spare}. The {b} was scared, but it spoke up.
  "{plea}. I shall not forget it if you let me be."

laugh:
- the {big} laughed until the leaves shook. "You? Help me? What a joke! But you have made me laugh,
  and so you may go."
- "Something as small as you?"^said the {big}. "That will be the day!" But he was in a good mood
  and let the {b} go.
- the {big} thought about it. He did not believe a word of it. Still, it cost him nothing to be
  kind. "Off with you, then," he said.
- "You are a funny one," said the {big}. "What could you ever do for me?" But he stepped aside.
- the {big} had to hide a smile. Help, from a~ {b}! Yet it had asked so nicely that he let it be.

trap_beat:
- <number> days later, the {big} {trap}. He {fail}.
- time went by. One <daytime> the {big} {trap}. What did he do? He {fail}.
- then came a bad day for the {big}. He {trap}, and none of his strong friends was near. He {fail}.
- it was not long before the {big} himself was in need. He {trap}. He {fail}.

come:
- the {b} heard the noise. "That is a voice I know!" it said, and it set off as fast as it could.
- who came by just then? The {b}. "I promised you something," it said.
- "Hold still," said a thin voice. The {big} looked around, and up, and down. There was the {b}.
- a~ {b} has good ears. It had heard him from far away. "Now it is my turn," it said.
- "May I?"^asked somebody. The {big} did not see who it was until he looked straight down. It was
  the {b}.

act_beat:
- it {act}. It took a long time, for the {b} was very small. But it did not give up.
- and then it {act}. That was something no {big} in the world could have done.
- "This is a job for somebody small," it said. It {act}.
- the {big} was about to laugh again. But the {b} {act}. Then he did not feel like laughing any
  more.

thanks_beat:
- the {big} did not know what to say. "I laughed at you," he said at last. "I will never laugh at
  anyone small again."
- "You kept your word," said the {big}, and he bowed so low that his nose touched the grass.
- "So you could help me after all!"^said the {big}. "Of course," said the {b}. "You let me go, and
  that is why I could come."
- "How can I thank you?"^asked the {big}. "You did that already," said the {b}, "on the day we
  met."
- the {big} sat down, so as not to be quite so tall. "From now on we are friends," he said.

moral:
- no one is too small to help, and no one is so big that he needs no help.
- a small kindness can come back as a big one.
- from then on you could see them together, the {big} and, on his [head|shoulder|back], the {b}.
- and the {b}? It went home to supper, and it was very proud, and that evening everybody had to
  hear about it <few> times.

frame_end:
- <<h ask: Is that a true story?>> {g} <smiled>. <<g say: Ask the next {b} you meet.>>
- <<g ask: And which of them are you?>> {h} thought about it. <<h say: Today I am the {b}.>>
- when the story was over, {h} was quiet for a while. <<h soft: I am small, too.>> <<g soft: I
  know. / That is why I told you.>>
- {h} yawned. <<h ask: Will you tell it again tomorrow?>> <<g soft: If you like. / Tomorrow the {b}
  may be even smaller.>>

start:
- <open_small> ¶ <mercy> <laugh> ¶ <trap_beat> <come> ¶ <act_beat> <thanks_beat> ¶ <moral>
- <open_small> <mercy> <laugh> ¶ <trap_beat> <come> <act_beat> ¶ <thanks_beat> <moral>
- <frame> ¶ <mercy> <laugh> ¶ <trap_beat> <come> <act_beat> <thanks_beat> ¶ <frame_end>
- <frame> <mercy> ¶ <laugh> <trap_beat> <come> ¶ <act_beat> <thanks_beat> ¶ <frame_end>
"""
