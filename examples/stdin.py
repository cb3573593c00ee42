# SPDX-License-Identifier: Apache-2.0
# Counts the words of its standard input; exits with 1 if there are none.
#     rcectl run --stdin README.md examples/stdin.py
import collections
import sys

words = collections.Counter(word.lower() for line in sys.stdin for word in line.split() if word.isalpha())
for word, count in words.most_common(5):
    print(f"{count:6} {word}")
sys.exit(0 if words else 1)
