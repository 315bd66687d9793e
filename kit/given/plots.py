"""All the plots, each a text in the language of grammar.py."""

from kit.given import (
    plots_brave,
    plots_doing,
    plots_fable,
    plots_friends,
    plots_growing,
    plots_home,
    plots_lessons,
    plots_mistakes,
    plots_neighbors,
    plots_others,
    plots_outside,
    plots_wonder,
)

PLOTS = (
    plots_home.LOST,
    plots_home.NOISE,
    plots_mistakes.BROKEN,
    plots_mistakes.BAKING,
    plots_lessons.MESSY,
    plots_lessons.WARNED,
    plots_friends.SHARING,
    plots_friends.GOODBYE,
    plots_others.NEWCOMER,
    plots_others.RACE,
    plots_outside.STUCK,
    plots_outside.WANDERED,
    plots_growing.SEED,
    plots_growing.FOUNDLING,
    plots_brave.FEAR,
    plots_brave.SHOW,
    plots_doing.LEARN,
    plots_doing.BUILD,
    plots_neighbors.GRUMPY,
    plots_neighbors.TRADE,
    plots_wonder.WISH,
    plots_wonder.STAR,
    plots_fable.SMALL,
)

SERIES = PLOTS[:8]  # of everyday life
