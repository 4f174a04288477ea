"""Every money movement of the product, one pure function each: a business event in, its journal out.

Whoever reads this package and the chart of accounts beside it knows the whole accounting of the product.
"""
