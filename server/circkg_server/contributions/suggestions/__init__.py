"""What the contributor probably meant: computed where it can be, each with its reason, none ever applied."""
