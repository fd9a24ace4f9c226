"""From published models of healthy people to the references that the app ships."""
