"""Domain codes of an hour file, with the share of rows for each."""

# Languages by number of readers; the others form the long tail.
_BIG = """en es de ja ru fr it zh pt pl fa ar nl id tr cs sv ko fi uk he hu no da ro vi th el bg sr hr
simple sk hi ca bn az lt et sl""".split()
_MIDDLE = """af als an arz ast ba be bs ckb cy eo eu fy ga gl gu hy ia is jv ka kk km kn ku ky la lb lmo
lv mg mk ml mn mr ms my nds ne nn oc or pa pms pnb ps qu sa sah sco sh si sq sw ta te tg tl tt ug ur uz
vec war yi yo zh-yue be-tarask ceb io li zh-min-nan scn su vo wa""".split()
_SMALL = """aa ab ace ady ak am ang arc ary as atj av avk awa ay azb ban bar bat-smg bcl bh bi bjn bm bo
bpy br bug bxr cbk-zam cdo ce ch cho chr chy co cr crh csb cu cv din diq dsb dty dv dz ee eml ext ff
fiu-vro fj fo frp frr fur gag gan gcr gd glk gn gom gor got gv ha hak haw hif ho hsb ht hyw hz ie ig ii
ik ilo inh iu jam jbo kaa kab kbd kbp kg ki kj kl koi kr krc ks ksh kv kw lad lbe lez lfn lg lij lld ln
lo lrc ltg mai map-bms mdf mh mhr mi min mnw mrj mt mus mwl myv mzn na nah nap nds-nl new ng nov nqo nrm
nso nv ny olo om os pag pam pap pcd pdc pfl pi pih pnt rm rmy rn roa-rup roa-tara rue rw sat sc sd se sg
shn sm sn so srn ss st stq szl szy tcy tet ti tk tn to tpi ts tum tw ty tyv udm ve vep vls wo wuu xal xh
xmf za zea zh-classical zu""".split()

_SPECIAL = {"commons.m": 3.0, "commons.m.m": 0.6, "meta.m": 0.4, "meta.m.m": 0.1, "www.wd": 1.2,
            "m.wd": 0.2, "www.w": 0.5, "m.w": 0.1, "incubator.m": 0.1, "species.m": 0.1, "www.f": 0.05,
            "www.s": 0.05, "m.s": 0.02, "outreach.m": 0.02, "il.m": 0.01, "test2": 0.01, "beta.v": 0.01}

_VARIANTS = {"": 0.50, ".m": 0.42, ".d": 0.025, ".m.d": 0.015, ".s": 0.008, ".m.s": 0.004, ".b": 0.007,
             ".m.b": 0.004, ".q": 0.005, ".m.q": 0.004, ".voy": 0.003, ".m.voy": 0.002, ".v": 0.002,
             ".m.v": 0.001, ".n": 0.002, ".m.n": 0.001}

# Percentage of a file's rows. `fr` is exact, because the default pipeline keeps it.
_PERCENT = {"en": 30.0, "es": 7.0, "de": 7.5, "ja": 7.0, "ru": 6.5, "fr": 7.4, "it": 4.5, "zh": 4.2}

_SCRIPT = {"fr": "french", "el": "greek", "ja": "kana", "ko": "hangul"}
for _script, _codes in {
        "cyrillic": "ru uk bg sr mk be be-tarask kk ky tg mn ba tt cv ce os sah udm bxr mhr av lez",
        "arabic": "ar arz fa ur ckb ps ug azb glk mzn pnb sd lrc ary",
        "han": "zh zh-yue zh-classical gan wuu hak cdo",
        "indic": "hi ne sa mr bh awa mai gom dty new"}.items():
    _SCRIPT.update(dict.fromkeys(_codes.split(), _script))


def script_of(code):
    """The alphabet in which the titles of a domain code are written."""
    return _SCRIPT.get(code.split(".")[0], "latin")


def _weights(zero):
    weights = dict(_SPECIAL)
    for rank, language in enumerate(_BIG + _MIDDLE + _SMALL):
        percent = _PERCENT.get(language, 60.0 / (rank + 12) ** 1.25)
        if language in _BIG:
            variants = dict(_VARIANTS)
        else:
            variants = {key: _VARIANTS[key]
                        for key in (["", ".m", ".d", ".m.d", ".b", ".q"] if language in _MIDDLE else ["", ".m"])}
        if zero and rank < 60:
            variants[".zero"] = 0.001  # Wikipedia Zero, until May 2019
        total = sum(variants.values())
        for suffix, part in variants.items():
            weights[language + suffix] = percent * part / total
    return weights


def shares(rows, zero):
    """[(code, rows)] in bytewise order of code; the rows add up to `rows`."""
    weights = _weights(zero)
    fr = round(rows * 0.037)
    scale = (rows - fr) / (sum(weights.values()) - weights["fr"])
    counts = {"fr": fr}
    spent, exact = fr, float(fr)
    for code in sorted(weights):
        if code == "fr":
            continue
        # Rounding the running sum keeps the total exact without favouring any code.
        exact += weights[code] * scale
        counts[code] = max(0, round(exact) - spent)
        spent += counts[code]
    return [(code, counts[code]) for code in sorted(counts) if counts[code] > 0]
