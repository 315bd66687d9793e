"""The chapters at work together: a model that tells stories, made by the student's own functions.

    stories → tokenizer (ch06) → ids → Llama (ch05) → AdamW and the training loop (ch07) → stories

Only what no chapter teaches is written here: where files lie, a baseline to beat, what is shown. All
else is reached through the loader, so `--impl` says whose model it is.

    python -m kit.storyteller train
    python -m kit.storyteller sample "Once upon a time"
"""
