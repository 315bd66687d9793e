"""placeholder."""

from .tokenizer import Tokenizer as FastTokenizer
