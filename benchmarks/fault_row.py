"""One line of the table of faults: what it counts, and how it is judged."""

from dataclasses import dataclass, field

REASONS = ("No space left on device", "File too large", "Read-only file system", "read-only", "Permission denied")
"""What a refusal may give as its reason."""


@dataclass
class Row:
    """One line of the table."""

    fault: str
    command: str
    times: int = 0
    lost: int = 0
    crashes: int = 0
    unclear: int = 0
    half_written: int = 0
    resumed: int = 0
    to_resume: int = 0
    refused: int = 0
    notes: dict = field(default_factory=dict)

    def count(self, what, found):
        """Add up what is wrong, one a turn, and note every kind of it once."""
        if found:
            setattr(self, what, getattr(self, what) + 1)
            for text in found:
                key = f"{what}: {text}"[:400]
                self.notes[key] = self.notes.get(key, 0) + 1

    def judge(self, task, before, place, whole):
        """Compare the output with what was there before and with the whole one."""
        lost, half = task.judge(before, task.state(place), whole)
        self.count("lost", lost)
        self.count("half_written", half)

    def go_on(self, task, place, whole):
        """Do it again without a fault: the result must be the whole one."""
        self.to_resume += 1
        ended = task.again(place)
        faults, state = ended.faults(), task.state(place)
        self.count("crashes", faults)
        if not faults and state == whole:
            self.resumed += 1
        elif not faults:
            self.count("half_written", [f"afterwards: {part} differs" for part in sorted({*state, *whole})
                                        if state.get(part) != whole.get(part)])

    def refusal(self, ended, target):
        """Check that a refusal names the file and the reason."""
        if ended.status == 1 and not (target in ended.said and any(reason in ended.said for reason in REASONS)):
            self.count("unclear", [ended.said.strip()])

    def line(self):
        """Return it as a line of the table."""
        return (f"{self.fault:<34} {self.command:<26} {self.times:>5} {self.lost:>5} {self.crashes:>7} "
                f"{self.unclear:>7} {self.half_written:>12} {f'{self.resumed} of {self.to_resume}':>11}")


HEADER = f"{'fault':<34} {'command':<26} times  lost crashes unclear half written    the same"
