"""What measures and aggregators mean, in the words that stand beside every number."""

MEASURE_WORDS = {
    "predictive_entropy": "entropy of the members' mean probabilities, sum of -p ln p: all uncertainty together",
    "expected_entropy": "mean of the members' entropies: what no further data would remove (aleatoric)",
    "mutual_information": "predictive less expected entropy (BALD): what the members disagree about (epistemic)",
    "variation_ratio": "share of the members that did not vote for the most voted class",
    "disagreement": "share of pairs of members that voted for different classes",
    "variance": "variance of the members' probabilities, averaged over the classes",
    "custom": "a measure of the user's own; its definition is not known to LAMM",
}
AGGREGATOR_SENTENCES = {
    "mean": "A frame's score is the mean over its points.",
    "p95": "A frame's score is the 95th percentile of its points.",
    "p99.9": "A frame's score is the 99.9th percentile of its points.",
    "max": "A frame's score is its most uncertain point.",
    "top-0.1%": "A frame's score is the mean of its most uncertain 0.1 % of points.",
    "fraction>t": "A frame's score is the share of its points above the threshold.",
}
