"""Lines that break careless parsers, each with the correct result.

Every kind was seen in the dumps or follows from their writers: pandas, `split(" ")` and Python's
`splitlines()` all fail on some of them.
"""

MAX_LINE = 65536


def french(quoted):
    """Lines for the block of code `fr`, independent of the surrounding lines. `quoted`: written by Spark."""
    return [
        # Malformed.
        b"fr Trois_champs 5",
        b"fr",
        b"fr ",
        b"fr  7 0",
        b"fr Vues_absentes x 0",
        b"fr Octets_absents 5 x",
        b"fr Vues_avec_signe +5 0",
        b"fr Vues_n\xc3\xa9gatives -5 0",
        b"fr Vues_d\xc3\xa9cimales 1.5 0",
        b"fr Chiffres_arabes \xd9\xa3 0",
        b"fr Deux_puissance_63 9223372036854775808 0",
        b"fr Vingt_chiffres 99999999999999999999 0",
        b"fr Octet_nul\x00_dedans 5 0",
        b"fr Espace_finale 5 0 ",
        b"",
        b"\r",
        b" Code_absent 5 0",
        b"fr " + b"L" * (MAX_LINE + 1 - 7) + b" 1 0",
        # Unusual but valid.
        b"fr Titre avec espaces 5 0",
        b"fr Fin_de_ligne_CRLF 5 0\r",
        b"fr Retour\rau_milieu 5 0",
        b"fr Tabulation\tau_milieu 6 0",
        b"fr Espace\xc2\xa0ins\xc3\xa9cable 7 0",
        b"fr S\xc3\xa9parateur\xe2\x80\xa8U+2028 8 0",
        b"fr S\xc3\xa9parateur\xc2\x85U+0085 8 0",
        b"fr Espace\xe3\x80\x80id\xc3\xa9ographique 8 0",
        b"fr \xef\xbb\xbfBOM_en_t\xc3\xaate 9 0",
        b"fr Vertical\x0b_et_page\x0c_et_\x1c\x1d\x1e 9 0",
        b"fr UTF-8_invalide_\xff_seul 10 0",
        b"fr UTF-8_coup\xc3\xa9_\xe2\x82 11 0",
        b"fr UTF-8_trop_long_\xc0\xaf 11 0",
        b"fr UTF-8_demi-codet_\xed\xa0\x80 11 0",
        b"fr \xf0\x9f\x98\x80_\xc3\xa9moticone 12 0",
        b"fr D\xc3\xa9compos\x65\xcc\x81 12 0",
        b"fr na 13 0",
        b"fr null 14 0",
        b"fr NULL 14 0",
        b"fr NaN 15 0",
        b"fr true 15 0",
        b"fr \\N 16 0",
        b"fr \\. 16 0",
        b"fr AC\\DC 17 0",
        b"fr Barre_finale\\ 17 0",
        b"fr Guillemet'simple;--_DROP_TABLE 18 0",
        b"fr 100%_{}_$1_${HOME}_%s 18 0",
        b"fr =1+1,2 19 0",
        b"fr -12 19 0",
        b"fr Deux_puissance_63_moins_un 9223372036854775807 0",
        b"fr Z\xc3\xa9ros_devant 0000000000000000000000042 0",
        b"fr Z\xc3\xa9ro_vue 0 0",
        b"fr Octets_pleins 20 123456789",
        b'fr "" 21 0',
        b"fr " + b"M" * (MAX_LINE - 7) + b" 1 0",
        # Quoted by both generations of the dump; parsing them needs no date.
        *_quotes(quoted),
    ]


def _quotes(quoted):
    bare = [b'fr "Heroes" 22 0', b'fr " 22 0', b'fr Alain_"Tom"_Durand 23 0', b'fr "Tom"_et_Zo\xc3\xa9 24 0']
    spark = [b'fr "\\"W\\"_(film)" 25 0', b'fr "\\"!" 26 0', b'fr "Alain_\\"le_Vif\\"" 27 0',
             b'fr "Barre\\\\et_\\"mot\\"" 28 0']
    return spark + bare if quoted else bare + spark


def leading():
    """Lines before all others: a blank sorts first."""
    return [b" www.wikifunctions 3 0", b" 3 0", b"   "]


def trailing():
    """Lines after all others; the last one has no line ending."""
    return [b"zu Cinq champs 5 0", b"na na 6 0", b"<html>", b"zzz Derni\xc3\xa8re 7 0"]
