"""Order entry: the orders of the accounts, how they rest in a book, meet each other and the simulated flow."""
