"""The report to be printed: one HTML file in one language, with its style and nothing else in it.

No script, no font, no address is fetched: it reads the same in ten years, and offline. A policy in the file
itself forbids the rest. All text of others is escaped by the one function that writes it.
"""

from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from html import escape

from audit import instant
from audit.verdicts import LIMITS
from service.reports import words
from service.reports.alarms import WORDS as BYPASSES
from service.reports.completeness import Completeness
from service.reports.facts import Facts
from service.reports.register import Item
from service.reports.rows import Row
from service.reports.totals import Totals, capped
from service.reports.words import Language

STYLE = """
@page { size: A4; margin: 16mm 14mm; }
* { box-sizing: border-box; }
body { font: 10pt/1.45 "Noto Sans", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", sans-serif;
  color: #1a1a1a; max-width: 190mm; margin: 0 auto; padding: 8mm; }
h1 { font-size: 17pt; margin: 0 0 2mm; }
h2 { font-size: 12pt; margin: 8mm 0 2mm; border-bottom: 0.4mm solid #1a1a1a; break-after: avoid; }
p { margin: 1mm 0; }
table { width: 100%; border-collapse: collapse; margin: 2mm 0; }
th, td { text-align: left; vertical-align: top; padding: 0.8mm 2mm 0.8mm 0; border-bottom: 0.1mm solid #bbb;
  overflow-wrap: anywhere; }
th { font-weight: 600; font-size: 8.5pt; color: #444; }
thead { display: table-header-group; }
tr { break-inside: avoid; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; }
.pairs th { width: 34%; font-size: 9.5pt; padding-right: 4mm; }
.counts { width: auto; min-width: 55%; }
.lines { font-size: 7.5pt; line-height: 1.35; }
.lines th { font-size: 7.5pt; overflow-wrap: normal; }
.lines td:nth-child(2), .lines td:nth-child(3) { white-space: nowrap; }
.dim { color: #555; font-size: 8.5pt; }
.code { font-family: "Noto Sans Mono", "DejaVu Sans Mono", monospace; font-size: 8pt;
  overflow-wrap: anywhere; }
.none { color: #8a5200; font-weight: 600; }
.bad { color: #b00020; font-weight: 700; }
.good { color: #17602b; font-weight: 700; }
@media print { body { padding: 0; max-width: none; } }
"""
_HASH = b64encode(sha256(STYLE.encode()).digest()).decode()

_NUMBER = ' class="n"'
_NUMBERS = frozenset({"entry", "count", "people", "hands"})


@dataclass(frozen=True, slots=True)
class Page:
    """One report, in one language."""

    facts: Facts
    language: Language

    def html(self) -> bytes:
        """The file."""
        facts = self.facts
        sections = (
            self._head(),
            self._register(facts.items),
            self._completeness(facts.completeness),
            self._totals(facts.totals),
            self._overrides(facts.totals),
            self._alarms(facts.totals),
            self._lines(facts.totals),
            self._limits(),
        )
        body = "".join(part for section in sections for part in section)
        return (
            f'<!doctype html>\n<html lang="{self.language}">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            f"style-src 'sha256-{_HASH}'\">\n"
            f"<title>{self._w('title')}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n{body}</body>\n</html>\n"
        ).encode()

    def _w(self, name: str, **values: object) -> str:
        """Words of ours, with what they are about."""
        return escape(words.say(self.language, name, **values))

    def _either(self, en: str, zh: str) -> str:
        return escape(zh if self.language is Language.ZH else en)

    def _head(self) -> Iterable[str]:
        facts = self.facts
        yield f"<h1>{self._w('title')}</h1>\n"
        yield f'<p class="dim">{self._w("grounds")}</p>\n'
        filters = ", ".join(
            f"{words.say(self.language, kind)}: {v}" for kind, v in facts.wanted.filters.items()
        )
        yield self._pairs(
            (
                (self._w("period"), self._period()),
                (self._w("filters"), escape(filters) or self._w("no-filters")),
                (self._w("log"), escape(facts.checkpoint.origin)),
                (
                    self._w("checkpoint"),
                    self._w("of-entries", size=facts.checkpoint.size)
                    + f'<br><span class="code">{facts.checkpoint.root}</span>',
                ),
                (self._w("made"), f"{instant.minute(facts.at)}, {escape(facts.by)}"),
            )
        )

    def _period(self) -> str:
        period = self.facts.wanted.period
        if period.since is None and period.until is None:
            return self._w("whole")
        return f"{escape(period.text)} (UTC)"

    def _register(self, items: Sequence[Item]) -> Iterable[str]:
        yield f'<h2>1. {self._w("register")}</h2>\n<p class="dim">{self._w("register-note")}</p>\n'
        rows = []
        for item in items:
            stated = "<br>".join(
                f"{self._either(one.text, one.zh or one.text)}"
                f' <span class="dim">[{escape(words.source(self.language, one.source))}]</span>'
                for one in item.values
            )
            name = f'{self._either(item.en, item.zh)}<br><span class="dim">{escape(item.articles)}</span>'
            rows.append((name, stated or f'<span class="none">{self._w("not-stated")}</span>'))
        yield self._pairs(rows)

    def _completeness(self, found: Completeness) -> Iterable[str]:
        yield f"<h2>2. {self._w('completeness')}</h2>\n"
        verdict = ("good", "adds-up") if found.whole else ("bad", "does-not-add-up")
        yield f'<p class="{verdict[0]}">{self._w(verdict[1])}</p>\n'
        for fault in found.faults:
            named = f' <span class="code">{escape(", ".join(fault.entries))}</span>' if fault.entries else ""
            yield f'<p class="bad">{escape(fault.code)}: {self._either(fault.en, fault.zh)}{named}</p>\n'
        permits = {name: str(count) for name, count in found.permits.items()}
        yield f"<p>{self._w('equation', **permits)}</p>\n"
        yield f'<p class="dim">{self._w("permits-file")}</p>\n'
        yield f"<p>{self._w('parts', gone=found.gone, erased=found.erased, lost=found.lost)}</p>\n"
        yield f"<p>{self._w('unsequenced', count=len(found.unplaced))}</p>\n"
        yield f"<p>{self._w('kinds', sum=sum(found.kinds.values()), size=found.size)}</p>\n"
        yield self._counts(found.kinds.items(), "kind")

    def _totals(self, totals: Totals) -> Iterable[str]:
        yield f"<h2>3. {self._w('totals')}</h2>\n<p>{self._w('rows', count=totals.rows)}</p>\n"
        answers = [
            (" · ".join(words.term(self.language, one) for one in sort), count)
            for sort, count in sorted(totals.answers.items())
        ]
        yield self._counts(answers, "decisions")
        yield self._counts(sorted(totals.refusals.items()), "refusals")

    def _overrides(self, totals: Totals) -> Iterable[str]:
        yield f"<h2>4. {self._w('overrides')}</h2>\n"
        if not totals.lifts:
            yield f"<p>{self._w('none')}</p>\n"
            return
        rows = (
            (one.index, one.minute, ", ".join(one.lifted), one.hands, one.answer) for one in totals.overridden
        )
        yield self._table(("entry", "minute", "rules", "hands", "answer"), rows)

    def _alarms(self, totals: Totals) -> Iterable[str]:
        yield f"<h2>5. {self._w('alarms')}</h2>\n"
        for name, en, zh in self.facts.lowered:
            yield f'<p class="none">{self._w("lowered")} {escape(name)}: {self._either(en, zh)}</p>\n'
        for code, count in sorted(totals.alarms.items()):
            one = BYPASSES[code]
            yield f'<p class="bad">{code} × {count}: {self._either(one.en, one.zh)}</p>\n'
        if not totals.alarms:
            yield f"<p>{self._w('none')}</p>\n"
            return
        yield self._table(
            ("entry", "minute", "kind", "alarms"),
            ((one.index, one.minute, one.kind, ", ".join(one.alarms)) for one in totals.alarmed),
        )

    def _lines(self, totals: Totals) -> Iterable[str]:
        yield f"<h2>6. {self._w('lines')}</h2>\n"
        rest = capped(totals.lines, totals.rows)
        if rest:
            yield f'<p class="none">{self._w("rest", count=rest)}</p>\n'
        yield self._table(
            ("entry", "minute", "kind", "what", "people", "purposes", "bases", "asked-by"),
            (self._line(one) for one in totals.lines),
            style="lines",
        )

    def _line(self, one: Row) -> tuple[object, ...]:
        what = [words.term(self.language, word) for word in (one.action, one.answer, one.outcome) if word]
        what += [
            *one.rules,
            *(f"{self._plain('gone')} {one.parts_gone}" for _ in range(bool(one.parts_gone))),
        ]
        bases = ", ".join(one.articles or one.bases)
        people = "" if one.people is None else one.people
        return (
            one.index,
            one.minute,
            one.kind,
            " · ".join(what),
            people,
            ", ".join(one.purposes),
            bases,
            one.asked_by,
        )

    def _plain(self, name: str) -> str:
        return words.say(self.language, name)

    def _limits(self) -> Iterable[str]:
        yield f"<h2>7. {self._w('limits')}</h2>\n<p>{self._w('limits-note')}</p>\n"
        en, mark, zh = LIMITS.partition("不能证明")
        yield f"<p>{self._either(en, mark + zh)}</p>\n"

    def _pairs(self, rows: Iterable[tuple[str, str]]) -> str:
        body = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>\n" for name, value in rows)
        return f'<table class="pairs">\n{body}</table>\n'

    def _counts(self, rows: Iterable[tuple[str, int]], heading: str) -> str:
        found = list(rows)
        return self._table((heading, "count"), found, style="counts") if found else ""

    def _table(self, headings: Sequence[str], rows: Iterable[Sequence[object]], style: str = "") -> str:
        """A table; whatever is in it is escaped. Numbers stand right."""
        head = "".join(f"<th{_NUMBER if one in _NUMBERS else ''}>{self._w(one)}</th>" for one in headings)
        body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
        return f'<table class="{style}">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody></table>\n'


def _cell(value: object) -> str:
    return f"<td{_NUMBER if isinstance(value, int) else ''}>{escape(str(value))}</td>"
