"""What a course is given: stories, names, texts and toy models, made on the spot from a seed."""
