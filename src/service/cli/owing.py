"""A statement of uses, for people: a line each, and the sums by currency."""

from rich.table import Table

from consent.payment import in_words
from consent.statement import Statement
from service.console import Voice


def say_statement(voice: Voice, made: Statement) -> None:
    """What was made, and what is owed for it."""
    table = Table("authorization", "purpose", "uses", "terms", "owed", "due")
    for line in made.lines:
        terms = "-" if line.payment is None else str(line.payment.basis)
        owed = str(line.open or "-")
        if line.payment is not None and line.owed is not None:
            owed = in_words(line.payment.currency, line.owed)
        due = "-" if line.due is None else line.due.isoformat()
        table.add_row(line.authorization, str(line.purpose or "-"), str(line.uses), terms, owed, due)
    voice.show(table)
    for currency, sum_ in made.totals.items():
        voice.say(f"owed in all: [bold]{in_words(currency, sum_)}[/]")
    if not made.lines:
        voice.say("nothing was made in this period")
