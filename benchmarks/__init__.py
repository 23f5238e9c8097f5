"""What is measured, against what, in one run. Wrong results fail; slow ones are only shown."""
