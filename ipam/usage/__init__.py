"""How full subnets and pools are, against what can be handed out.

measure    the figures of subnets and pools, of some or of all
ranking    order and filter rows by these figures
history    one line a day for each subnet and pool
forecast   when the addresses will run out
"""

from ipam.usage.measure import Share, Usage, pool_usage, usage
from ipam.usage.ranking import fullest

__all__ = ["Share", "Usage", "fullest", "pool_usage", "usage"]
