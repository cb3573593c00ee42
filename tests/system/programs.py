# SPDX-License-Identifier: Apache-2.0
"""Programs whose output nobody can mistake for another's."""

from dataclasses import dataclass


@dataclass
class Expected:
    stdout: str
    verdict: str = "ok"
    exit_code: int = 0


def program(run, number):
    """What is submitted, and what must come of it. Most are small; each tenth takes another way through the engine."""
    line = f"{run} {number}"
    document = {"language": "python", "tags": {"run": run, "number": str(number)}, "source": f"print({line!r})\n"}
    expected = Expected(line + "\n")

    match number % 10:
        case 2:     # fails
            document["source"] += "raise SystemExit(3)\n"
            expected.verdict, expected.exit_code = "runtime_error", 3
        case 4:     # reads
            document["source"] = "print(input(), input())\n"
            document["stdin"] = f"{run}\n{number}\n"
        case 6:     # writes more than fits into a row
            document["source"] = f"for i in range(2000): print({line!r}, i)\n"
            expected.stdout = "".join(f"{line} {i}\n" for i in range(2000))
        case 8:     # is longer than what rides in a message
            document["source"] += f"# {line:#<70000}\n"
    return document, expected
