"""Words for page titles: syllables and lists made for this purpose, not copied from a dump."""

import random

# Second parts of French titles, by kind of first part.
_GIVEN = """Adèle Agathe Aimé Alban Alice Amélie Anaïs Antoine Apolline Armel Arthur Aurélie Barnabé
Basile Benoît Bérénice Blaise Camille Capucine Célestin Céline Chloé Clémence Clovis Colette Côme
Corentin Cyprien Damien Delphine Didier Édith Édouard Élodie Éloi Émilie Étienne Eudes Eugénie Fabrice
Faustine Félicien Firmin Flavie François Gaspard Gaëlle Germain Ghislain Gilles Gustave Hélène Honoré
Hugues Inès Irène Isidore Jérôme Joël Josèphe Jules Justine Laurène Léonie Lilian Loïc Lucile Maëlys
Mathilde Maxence Mélanie Mireille Nadège Noémie Octave Odile Pascal Paulin Quentin Raphaël Régis Rémi
Roselyne Sabine Séverine Solène Sylvain Tanguy Théo Ulysse Valère Violette Xavier Yann Yvette Zoé""".split()

_PLACE_PREFIXES = """Abbaye_de_ Aéroport_de_ Arrondissement_de_ Bataille_de_ Canton_de_ Cathédrale_de_
Château_de_ Église_Notre-Dame_de_ Église_Saint-Martin_de_ Évêché_de_ Forêt_de_ Gare_de_
Histoire_de_ Hôtel_de_ville_de_ Liste_des_communes_de_ Liste_des_maires_de_ Lycée_de_ Mairie_de_
Musée_de_ Phare_de_ Pont_de_ Port_de_ Siège_de_ Tramway_de_ Université_de_""".split()

# Articles at the top of every hour, with their views in an average hour.
POPULAR_FRENCH = {
    "Wikipédia:Accueil_principal": 4600, "Spécial:Recherche": 1700, "Tour_Eiffel": 690,
    "Paris": 650, "Seconde_Guerre_mondiale": 610, "Louis_XIV": 560, "Napoléon_Ier": 540,
    "Tour_de_France": 480, "Révolution_française": 450, "Jeanne_d'Arc": 430, "Marseille": 390,
    "Europe": 370, "Molière": 350, "Bretagne": 330, "Jules_Verne": 310, "Marie_Curie": 300,
    "Mont_Blanc": 280, "Système_solaire": 260, "Édith_Piaf": 250, "Corse": 240, "Toulouse": 230,
    "Première_Guerre_mondiale": 220, "Victor_Hugo": 215, "Mur_de_Berlin": 190, "Astérix": 180,
    "Lyon": 170, "Trou_noir": 160, "Claude_Monet": 150, "Camembert_(fromage)": 140, "Loire": 130,
    "Vercingétorix": 125, "Charlemagne": 120, "Spécial:Modifications_récentes": 110,
}

MAIN_PAGES = {"french": "Accueil", "latin": "Main_Page", "cyrillic": "Заглавная_страница",
              "greek": "Πύλη:Κύρια", "arabic": "الصفحة_الرئيسية", "kana": "メインページ",
              "han": "首页", "hangul": "위키백과:대문", "indic": "मुखपृष्ठ"}

# First words of odd titles; ordinary titles never start with them, which keeps files sorted.
ODD_FIRST = ["Zorglub", "Quibus", "Vraclav", "Ubirex"]

_ONSETS = {
    "french": "b bl br c ch cl d dr f fl g gr h j l m n p pl pr qu r s t tr v vr".split(),
    "latin": "b br c d dr f g gr h j k kl l m n p r s sch sk st t tr v w z".split(),
    "cyrillic": "б в г д ж з к л м н п р с т ф х ц ч ш ст кр пр".split(),
    "greek": "β γ δ ζ θ κ λ μ ν ξ π ρ σ τ φ χ ψ στ".split(),
    "arabic": "ب ت ج ح د ر س ش ع ف ق ك ل م ن ه و ي".split(),
    "kana": "ア イ カ キ サ シ タ チ ナ ニ ハ ヒ マ ミ ラ リ ロ ン".split(),
    "han": "山 川 水 木 火 中 大 学 文 市 国 天 海 江 北 南 東 西".split(),
    "hangul": "가 나 다 라 마 바 사 아 자 차 하 고 노 도 서 성 구 대".split(),
    "indic": "क ग च ज त द न प ब म य र ल व श स ह भ".split(),
}
_VOWELS = {
    "french": "a e i o u ai an au é è eau en eu in oi on ou ê ô ill".split(),
    "latin": "a e i o u ei ie au ö á í oo an er in ar".split(),
    "cyrillic": "а е и о у ы ов ев ин ан".split(),
    "greek": "α ε ι ο ου ης ος ία ά ή".split(),
    "arabic": ["ا", "و", "ي", "", "ة"],
    "kana": ["ー", "", "", "ス", "ト"],
    "han": ["", "", "島", "县", "人"],
    "hangul": ["", "", "시", "군", "동"],
    "indic": ["ा", "ि", "ी", "े", "ो", ""],
}
SCRIPTS = list(_ONSETS)


def _words(script, count, low, high, rng):
    """`count` different made-up words of `low` to `high` syllables."""
    onsets, vowels = _ONSETS[script], _VOWELS[script]
    words = {}
    while len(words) < count:
        size = low + int(rng.random() * (high - low + 1))
        word = "".join(onsets[int(rng.random() * len(onsets))] + vowels[int(rng.random() * len(vowels))]
                       for _ in range(size))
        words[word[0].upper() + word[1:]] = None
    return list(words)


def _french_heads(rng, clashes):
    heads = [name + "_" for name in _GIVEN] + _PLACE_PREFIXES
    heads += [word + "_" for word in _words("french", 2600, 2, 3, rng)]
    return [head for head in heads if not any(title.startswith(head) for title in clashes)]


def _french_tails(rng):
    places = _words("french", 1500, 2, 4, rng)
    rivers = _words("french", 40, 1, 2, rng)
    tails = [f"{place}-sur-{rivers[i % 40]}" if i % 3 == 0 else place for i, place in enumerate(places)]
    tails += [f"({kind})" for kind in "album chanson commune film groupe homonymie roman".split()]
    tails += [f"(film,_{year})" for year in range(1920, 2020)] + [f"en_{year}" for year in range(1700, 2020)]
    tails += [f"d'{word}" for word in _words("french", 500, 1, 3, rng) if word[0] in "AEIOUÉ"]
    tails += [f"{first}-{second}" for first, second in zip(places[0::2], places[1::2])]
    return tails


class Vocabulary:
    """For a script: `heads`, none the start of another, and `tails`, both in bytewise order."""

    def __init__(self, script):
        rng = random.Random("words/" + script)
        clashes = list(POPULAR_FRENCH) + list(MAIN_PAGES.values()) + ODD_FIRST
        if script == "french":
            heads, tails = _french_heads(rng, clashes), _french_tails(rng)
        else:
            # Scripts with three bytes per letter get shorter words, so that the row length stays the same.
            high = 3 if script in ("latin", "cyrillic", "greek") else 2
            heads = [word + "_" for word in _words(script, 2500 if high == 3 else 500, 1, high, rng)]
            tails = _words(script, 4000 if high == 3 else 2000, 2, high + 2, rng)
            tails += [f"({year})" for year in range(1800, 2020)]
            heads = [head for head in heads if not any(title.startswith(head) for title in clashes)]
        self.heads = sorted({head.encode() for head in heads})
        self.tails = sorted({tail.encode() for tail in tails})
        for one, other in zip(self.heads, self.heads[1:]):
            assert not other.startswith(one), (one, other)
