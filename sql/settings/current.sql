-- The settings that hold now. Parameters: none. Grain: one row per setting that was ever set. Reads
-- only.
select distinct on (setting.name)
    setting.name,
    setting.value,
    setting.set_at,
    setting.set_by,
    setting.note
from below_the_line.settings as setting
order by setting.name, setting.setting_id desc
