"""Products, versioned plans, prices, options, add-ons, coupons and promotion codes.

A price never changes once made; a plan changes by a new version; what is archived is no longer sold and keeps working
for those who have it. A subscription never changes currency silently.
"""
