"""What stands behind `skykey.rubin.consdb_query`: both ways to ask the consolidated database."""
