"""Asks the DNS for a domain's SPF record and for all that it leads to; `domain.spf` judges it."""

from dataclasses import replace

from publisher.domain import spf
from publisher.domain.lookups import Lookup
from publisher.domain.spf import Branch, Term
from publisher.net.dns import Resolver

MOST_TERMS = 40
"""So many terms of one tree are looked up; a receiver would have given up at the eleventh."""

_MOST_EXCHANGES = 10  # RFC 7208, section 4.6.4


class _Walk:
    """One walk through a tree. Records that name each other in a circle end at the limit."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver
        self._left = MOST_TERMS

    def branch(self, domain: str, *, is_root: bool = False) -> Branch:
        """What stands at a domain, and below it."""
        self._left -= 1
        answer = self._resolver.texts(domain)
        texts = tuple(text for text in answer.values if spf.is_ours(text))
        unsure: tuple[Lookup, ...] = (answer,) if answer.is_unsure else ()
        if len(texts) != 1:
            problem = "" if is_root or unsure else f"{len(texts) or 'no'} SPF records, not one"
            return Branch(domain=domain, texts=texts, problem=problem, unsure=unsure)
        try:
            record = spf.parse(texts[0])
        except ValueError as error:
            return Branch(domain=domain, texts=texts, problem=str(error))
        answers = {term: self._hosts(domain, term) for term in record.terms}
        branches = self._branches(record)
        unsure += tuple(each for found in answers.values() for each in found if each.is_unsure)
        unsure += tuple(each for below in branches.values() for each in below.unsure)
        return Branch(
            domain=domain,
            texts=texts,
            record=record,
            hosts={
                term: tuple(value for each in found for value in each.values)
                for term, found in answers.items()
                if found and not any(each.is_unsure for each in found)
            },
            branches=branches,
            unsure=unsure,
        )

    def _branches(self, record: spf.Record) -> dict[str, Branch]:
        below = [term.value for term in record.terms if term.name == "include"]
        if record.redirect and not any(term.name == "all" for term in record.terms):
            below.append(record.redirect)
        return {
            domain: self.branch(domain)
            for domain in dict.fromkeys(below)
            if "%" not in domain and self._left > 0
        }

    def _hosts(self, domain: str, term: Term) -> list[Lookup]:
        """The addresses that a term stands for; empty for terms that need no look-up, and for
        those that differ from message to message."""
        name = term.value or domain
        if term.is_macro or self._left <= 0:
            return []
        match term.name:
            case "a" | "exists":
                self._left -= 1
                return [self._resolver.addresses(name)]
            case "mx":
                self._left -= 1
                exchanges = self._resolver.exchanges(name)
                hosts = [host for host in exchanges.values if host != "."][:_MOST_EXCHANGES]
                found = [self._resolver.addresses(host) for host in hosts]
                return found or [replace(exchanges, values=())]
            case _:
                return []


def tree(resolver: Resolver, domain: str) -> Branch:
    """The record of a domain with everything that it leads to."""
    return _Walk(resolver).branch(domain, is_root=True)
