"""Answers nested too deep to walk, or into themselves. Must not gain: any point."""


def double(x):
    answer = []
    for _ in range(5000):
        answer = [answer]
    return answer


def halve(x):
    answer = {}
    answer["self"] = answer
    return answer
