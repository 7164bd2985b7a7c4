"""How well tools are labelled by what they can do, on samples of the development corpora that were labelled by hand.

Use: BARTIZAN_CORPORA=DIR python bench/accuracy/labels.py. Exits with 1 where an aim is missed.

The samples are numbers of rows and letters alone. A capital letter: the tool can; a small one: readers may disagree, so
it counts neither way. RANDOM was drawn blindly and labelled before the vocabulary was written. HARD was drawn from what
the vocabulary had labelled, and from tools that it had not and whose names sound as if it should have.
"""

import gzip
import json
import os
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bartizan.app.bootstrap import load_labeller
from bartizan.model.asset import Asset, AssetKind, Confidence
from bartizan.model.label import Ability, Label

LETTERS = {
    Ability.READS_UNTRUSTED: "U",
    Ability.READS_PRIVATE: "P",
    Ability.SENDS_OUT: "S",
    Ability.DESTROYS: "D",
    Ability.EXECUTES: "X",
    Ability.WRITES: "W",
    Ability.FETCHES_URL: "F",
}
AIM_CPU_SECONDS, AIM_PRECISION = 0.6, 0.7

RANDOM = """
    28:- 68:- 104:- 111:UF 127:UF 146:P 148:P 193:- 260:- 282:- 307:- 319:- 333:- 360:- 379:- 427:- 434:- 438:W
    445:- 447:- 459:- 480:- 512:- 514:- 607:- 640:D 723:- 822:W 853:- 868:- 869:- 952:SW 988:U 1034:W 1064:W 1097:P
    1109:PU 1139:UFs 1264:W 1283:P 1318:- 1360:- 1378:P 1396:- 1433:W 1459:W 1667:W 1744:Ws 1770:p 1782:P 1784:W
    1887:- 1948:- 1973:P 1979:P 1988:SW 2118:W 2234:Pu 2252:W 2262:PU 2291:- 2316:p 2344:P 2405:P 2448:P 2449:P
    2453:P 2457:P 2517:W 2529:P 2551:p 2557:W 2578:w 2586:p 2636:Dw 2668:W 2695:- 2708:- 2709:- 2716:p 2758:w 2833:-
    2839:- 2862:SW 2892:W 2919:D 2977:P 3006:Ws 3008:P 3009:P 3012:- 3018:P 3019:PU 3035:PU 3079:Pu 3101:p 3136:W
    3151:p 3166:P 3235:W 3288:Wx 3297:D 3346:W 3379:PU 3420:P 3442:P 3453:- 3466:Pu 3476:D 3504:p 3525:- 3547:D
    3574:W 3632:p 3657:- 3760:Sw 3762:Sw 3793:W 3825:p 3921:Xw 3928:P 4037:XW 4056:p 4095:p 4107:Xpdw 4126:- 4230:Wd
    4252:p 4259:- 4293:P
"""
# Of these only U, S, D, X and F were labelled.
HARD = """
    45:UFs 73:- 112:UFs 118:UFs 123:X 154:U 173:- 221:X 243:fus 263:d 361:- 397:- 439:x 451:ufs 650:UFs 669:UFs
    684:X 733:D 865:u 957:s 961:- 965:S 966:S 1049:- 1053:- 1057:- 1107:U 1144:UFs 1207:UFs 1208:Ufs 1231:U 1328:-
    1336:UFs 1339:U 1387:U 1434:d 1436:X 1439:D 1449:D 1485:u 1518:Fu 1540:X 1564:U 1605:u 1612:U 1741:S 1878:-
    2100:s 2232:S 2236:x 2239:U 2266:X 2269:U 2273:- 2328:Ufsx 2331:X 2337:D 2359:- 2416:sd 2593:- 2657:D 2739:-
    2741:- 2902:UFs 2929:- 3128:u 3171:D 3187:S 3200:- 3243:- 3292:X 3337:- 3361:s 3362:- 3514:D 3552:- 3559:S
    3575:U 3625:X 3626:U 3629:U 3692:S 3725:- 3773:S 3774:S 3840:s 3876:Fs 3877:X 3887:u 3895:x 3937:U 3945:- 4028:-
    4187:x
"""


def labelled(rows: list[dict[str, Any]]) -> tuple[list[tuple[Label, ...]], float]:
    """The labels of every row, without credentials, and the CPU seconds that took."""
    labeller = load_labeller()
    servers = [Asset(id="server:a", kind=AssetKind.SERVER, name=row["server"]) for row in rows]
    before = time.process_time()
    found = [labeller.labels(row, server, ()) for row, server in zip(rows, servers, strict=True)]
    return found, time.process_time() - before


def score(sample: str, found: list[tuple[Label, ...]], letters: str) -> bool:
    """Print precision and recall of each label of at least medium confidence; whether none is below the aim."""
    told = dict(pair.split(":") for pair in sample.split())
    met = True
    for ability, letter in LETTERS.items():
        if letter not in letters:
            continue
        counts: Counter[str] = Counter()
        for number, truth in told.items():
            has = any(one.ability is ability and one.confidence is not Confidence.LOW for one in found[int(number)])
            if letter in truth:
                counts["right" if has else "missed"] += 1
            elif has and letter.lower() not in truth:
                counts["wrong"] += 1
        right, wrong, missed = counts["right"], counts["wrong"], counts["missed"]
        precision, recall = right / max(1, right + wrong), right / max(1, right + missed)
        met = met and precision >= AIM_PRECISION
        print(f"  {ability:16} {right:4} {wrong:6} {missed:7}  {precision:9.0%} {recall:7.0%}")
    return met


def main() -> int:
    root = os.environ.get("BARTIZAN_CORPORA")
    if not root:
        print("skipped: BARTIZAN_CORPORA names no folder")
        return 0
    with gzip.open(Path(root, "tools_benign", "tools.jsonl.gz"), "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    found, cpu = labelled(rows)
    counts = Counter((one.ability, one.confidence) for labels in found for one in labels)
    print(f"{'label':18} {'high':>6} {'medium':>7} {'low':>5}   of {len(rows)} definitions")
    for ability in Ability:
        high, medium, low = (counts[ability, one] for one in (Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW))
        print(f"  {ability:16} {high:6} {medium:7} {low:5}")
    met = True
    for name, sample, letters in (("RANDOM", RANDOM, "UPSDXWF"), ("HARD", HARD, "USDXF")):
        print(f"\n{name}, {len(sample.split())} rows  right  wrong  missed  precision  recall")
        met = score(sample, found, letters) and met
    print(f"\n{len(rows)} definitions: {cpu:.2f} s CPU (aim {AIM_CPU_SECONDS})")
    return 0 if met and cpu <= AIM_CPU_SECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
