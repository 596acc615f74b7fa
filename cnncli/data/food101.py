"""Food-101: 101,000 photographs of dishes, at most 512 pixels wide or high.

L. Bossard, M. Guillaumin, L. Van Gool, "Food-101: mining discriminative components with random forests", 2014. Some of the training
images are labelled wrongly, on purpose.
"""

from __future__ import annotations

from cnncli.data.vision import Source, declare

_DISHES = (
    "apple_pie", "baby_back_ribs", "baklava", "beef_carpaccio", "beef_tartare", "beet_salad", "beignets", "bibimbap",
    "bread_pudding", "breakfast_burrito", "bruschetta", "caesar_salad", "cannoli", "caprese_salad", "carrot_cake", "ceviche",
    "cheese_plate", "cheesecake", "chicken_curry", "chicken_quesadilla", "chicken_wings", "chocolate_cake",
    "chocolate_mousse", "churros", "clam_chowder", "club_sandwich", "crab_cakes", "creme_brulee", "croque_madame",
    "cup_cakes", "deviled_eggs", "donuts", "dumplings", "edamame", "eggs_benedict", "escargots", "falafel", "filet_mignon",
    "fish_and_chips", "foie_gras", "french_fries", "french_onion_soup", "french_toast", "fried_calamari", "fried_rice",
    "frozen_yogurt", "garlic_bread", "gnocchi", "greek_salad", "grilled_cheese_sandwich", "grilled_salmon", "guacamole",
    "gyoza", "hamburger", "hot_and_sour_soup", "hot_dog", "huevos_rancheros", "hummus", "ice_cream", "lasagna",
    "lobster_bisque", "lobster_roll_sandwich", "macaroni_and_cheese", "macarons", "miso_soup", "mussels", "nachos",
    "omelette", "onion_rings", "oysters", "pad_thai", "paella", "pancakes", "panna_cotta", "peking_duck", "pho", "pizza",
    "pork_chop", "poutine", "prime_rib", "pulled_pork_sandwich", "ramen", "ravioli", "red_velvet_cake", "risotto", "samosa",
    "sashimi", "scallops", "seaweed_salad", "shrimp_and_grits", "spaghetti_bolognese", "spaghetti_carbonara", "spring_rolls",
    "steak", "strawberry_shortcake", "sushi", "tacos", "takoyaki", "tiramisu", "tuna_tartare", "waffles",
)  # fmt: skip

DATASETS = {
    "food101": declare(
        Source(
            name="food101",
            kind="Food101",
            folder="food-101",
            entries=("images", "meta"),
            train=({"split": "train"},),
            test=({"split": "test"},),
            images="_image_files",
            labels="_labels",
            of_files=True,
        ),
        title="Food-101, photographs of dishes",
        shape=(3, None, None),
        classes=_DISHES,
        train=75_750,
        test=25_250,
        licence="none stated (L. Bossard, M. Guillaumin, L. Van Gool, 2014; images from foodspotting.com)",
    )
}
