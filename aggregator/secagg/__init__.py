"""Secure aggregation: the server learns the sum of the sites' updates, and nothing of one site.

Double masking after Bonawitz et al. (CCS 2017, the setting of an active server), with signed keys and consent to one
list of survivors. **Not yet reviewed by a cryptographer**; decision 32 says what a reviewer must look at. Everything
here is pure: bytes in, bytes out; clock, network and files belong to the caller.

A round has five messages to each site, in `STAGES`: keys, shares, masked, agree, unmask. Only stage "masked" carries
more than a few KiB: down the model and configuration beside our bytes, up 8 bytes a weight.

**Aggregator**, for each round:

    layout = Layout.of(arrays, ("loss",))                       # arrays: name -> float32, as they are sent
    bound = binding(arrays, config, layout.metrics)
    setup = Setup(Sid(job, round, attempt), sites, roster, bound, layout.words,
                  fixed=survivors_of_the_first_sum)             # () before there is one
    step = begin(setup)
    while isinstance(step, Asking):                             # send step.asks[site] as action step.stage;
        replies = send(step.stage, step.asks)                   # in stage "masked" with arrays and config beside
        step = take(step, replies)                              # replies: site -> bytes, of those that answered in time
    match step:
        case Stopped(stage, reason, faults): ...                # the model stays; try again with attempt + 1
        case Total(vector, survivors, faults):
            average = layout.average(arrays, vector)            # Average(arrays, metrics, weight) | Refused

A reply counts for the site that the transport knows by its node, never for the name in it. `attempt` must rise with
every try, also across restarts (Unix seconds do).

**Site**, one `Member` and one `Standing` a process, for each message:

    member = Member(name, signing_key(pem), read_roster(path), Terms(least=3, colluders=1))
    standing = Standing(load_memory(path))
    ...
    done = answer(member, standing, stage, data, os.urandom, work)      # work: only for stage "masked", else None
    save_memory(path, done.standing.memory)                             # before the reply leaves
    standing = done.standing
    match done.outcome:
        case Refused(reason): ...                               # audit line; an error without a text to the server
        case bytes() as reply: ...

    layout = Layout.of(arrays, metrics)
    work = Work(binding(arrays, config, metrics), lambda: layout.vector(arrays, train(...), weight, {"loss": ...}))

`work.contribute` is called only once all that the server sent was found in order. Replies carry no name of an array
and no text. A site that restarts has lost the round's secrets and counts as missing.
"""

from aggregator.secagg.layout import Average, Layout, binding
from aggregator.secagg.member import MAX_MESSAGE, STAGES, Member, Refused, Sid, Stage, Terms
from aggregator.secagg.memory import Memory, load_memory, save_memory
from aggregator.secagg.roster import Roster, create_signing_key, public_pem, read_roster, roster, signing_key
from aggregator.secagg.server import Asking, Setup, Stopped, Total, begin, take
from aggregator.secagg.site import Answer, Standing, Work, answer

__all__ = [
    "MAX_MESSAGE",
    "STAGES",
    "Answer",
    "Asking",
    "Average",
    "Layout",
    "Member",
    "Memory",
    "Refused",
    "Roster",
    "Setup",
    "Sid",
    "Stage",
    "Standing",
    "Stopped",
    "Terms",
    "Total",
    "Work",
    "answer",
    "begin",
    "binding",
    "create_signing_key",
    "load_memory",
    "public_pem",
    "read_roster",
    "roster",
    "save_memory",
    "signing_key",
    "take",
]
