-- The life of templates: approval, archive, and versions that wait beside the live one.

-- The words a state may have are in its CHECK, which cannot be changed: another column takes its
-- place.
ALTER TABLE templates ADD COLUMN life TEXT NOT NULL DEFAULT 'draft'
    CHECK (life IN ('draft', 'submitted', 'approved', 'enabled', 'disabled', 'archived'));
UPDATE templates SET life = state;
ALTER TABLE templates DROP COLUMN state;
ALTER TABLE templates RENAME COLUMN life TO state;
-- Who took the last step, when and why.
ALTER TABLE templates ADD COLUMN since TEXT CHECK (json_valid(since));

DROP TRIGGER template_versions_stay;
ALTER TABLE template_versions ADD COLUMN locales TEXT NOT NULL DEFAULT '{}'
    CHECK (json_valid(locales));
ALTER TABLE template_versions ADD COLUMN standing TEXT NOT NULL
    DEFAULT '{"state":"draft","last":null,"approved":null}' CHECK (json_valid(standing));
UPDATE template_versions
SET standing = CASE
    WHEN number = (SELECT current FROM templates WHERE id = template)
        THEN '{"state":"live","last":null,"approved":null}'
    ELSE '{"state":"retired","last":null,"approved":null}'
END
WHERE (SELECT state FROM templates WHERE id = template) <> 'draft';
CREATE TRIGGER template_versions_stay
BEFORE UPDATE OF template, number, content, variables, vendor_templates, policies, locales, author,
    created_at ON template_versions
BEGIN SELECT RAISE(ABORT, 'what a template version says never changes'); END;

-- The people that a team's templates may be tried out on.
CREATE TABLE test_people (
    team TEXT PRIMARY KEY,
    people TEXT NOT NULL CHECK (json_valid(people))
) STRICT, WITHOUT ROWID;
