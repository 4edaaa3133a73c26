-- All settings that ever held. Parameters: none. Grain: one row per change, the last one last.
-- Reads only.
select
    setting.name,
    setting.value,
    setting.set_at,
    setting.set_by,
    setting.note
from below_the_line.settings as setting
order by setting.setting_id
