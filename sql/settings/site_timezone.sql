-- The site's time zone. Parameters: none. Grain: one row; none if it was never set. Reads only.
select setting.value
from below_the_line.settings as setting
where setting.name = 'site_timezone'
order by setting.setting_id desc
limit 1
