"""The models of network boot: files, answer files, images, menus, assignments, permits, events."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from simple_history import register

from core.history.records import DatabaseHistory
from ipam.fields import AddressField, MACField
from ipam.models import Server, Subnet, ValidatedModel
from pxe import names, rules
from pxe.boot import answers
from pxe.querysets import AssignmentQuerySet, BootEventQuerySet, ImageQuerySet, MenuQuerySet


class BootModel(ValidatedModel):
    """A model of network boot: validated by `save()` like the ledger's models, without the ledger's
    lock."""

    class Meta:
        abstract = True

    def lock(self) -> None:
        """No lock: unique constraints are the only rules across rows."""


class BootFile(BootModel):
    """A kernel, an initrd or another boot file: on our own disk under this name, or at a URL."""

    name = models.CharField(
        _("name"),
        max_length=200,
        unique=True,
        validators=[names.check_file_name],
        help_text=_("Its path below the directory of boot files, as in debian-12/vmlinuz."),
    )
    url = models.CharField(
        _("URL"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[names.check_url],
        help_text=_("Empty: the file is kept here. Debian's iPXE speaks http, not https."),
    )
    size = models.BigIntegerField(_("size"), null=True, blank=True, editable=False)
    sha256 = models.CharField(
        _("SHA-256"), max_length=64, blank=True, default="", db_default="", editable=False
    )
    history = DatabaseHistory(table_name="boot_files_history")

    class Meta:
        db_table = "boot_files"
        ordering = ["name"]
        verbose_name = _("boot file")
        verbose_name_plural = _("boot files")

    def __str__(self) -> str:
        return self.name


class BootAnswers(BootModel):
    """An answer file of an unattended installation, with variables from a closed list."""

    class Kind(models.TextChoices):
        PRESEED = "preseed", _("preseed (Debian)")
        KICKSTART = "kickstart", _("kickstart (Fedora, RHEL)")
        CLOUD_INIT = "cloud-init", _("cloud-init (Ubuntu)")
        UNATTEND = "unattend", _("unattend.xml (Windows)")

    name = models.CharField(_("name"), max_length=60, unique=True, validators=[names.check_label])
    kind = models.CharField(
        _("kind"), max_length=10, choices=Kind, default=Kind.PRESEED, db_default=Kind.PRESEED
    )
    text = models.TextField(
        _("text"),
        max_length=answers.LONGEST,
        help_text=_("Variables: %s.") % ", ".join(f"@@{name}@@" for name in answers.VARIABLES),
    )
    password_hash = models.CharField(
        _("password hash"),
        max_length=220,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(rf"\A{answers.PASSWORD_HASH}\Z", _("Give a hash as mkpasswd prints it."))
        ],
        help_text=_("For @@password_hash@@. Not the password itself."),
    )
    ssh_key = models.CharField(
        _("SSH key"),
        max_length=1400,
        blank=True,
        default="",
        db_default="",
        validators=[
            RegexValidator(
                rf"\A{answers.SSH_KEY}\Z", _("Give one public key, as in ssh-ed25519 AAAA… name.")
            )
        ],
        help_text=_("For @@ssh_key@@."),
    )
    history = DatabaseHistory(
        table_name="boot_answers_history", excluded_fields=["text", "password_hash", "ssh_key"]
    )

    class Meta:
        db_table = "boot_answers"
        ordering = ["name"]
        verbose_name = _("answer file")
        verbose_name_plural = _("answer files")

    def __str__(self) -> str:
        return self.name

    def check_ledger(self) -> None:
        rules.check_answers(self)


class BootImage(BootModel):
    """An image that a machine can boot: a kernel with initrds, or a URL to chain to."""

    class Kind(models.TextChoices):
        LINUX = "linux", _("kernel")
        CHAIN = "chain", _("chain to a URL")

    class Arch(models.TextChoices):
        ANY = "any", _("any")
        BIOS = "bios", _("BIOS")
        UEFI = "uefi", _("UEFI")
        ARM64 = "arm64", _("UEFI arm64")

    name = models.CharField(_("name"), max_length=60, unique=True, validators=[names.check_label])
    description = models.CharField(
        _("description"), max_length=255, blank=True, default="", db_default=""
    )
    kind = models.CharField(
        _("kind"), max_length=5, choices=Kind, default=Kind.LINUX, db_default=Kind.LINUX
    )
    arch = models.CharField(
        _("for"), max_length=5, choices=Arch, default=Arch.ANY, db_default=Arch.ANY
    )
    enabled = models.BooleanField(_("enabled"), default=True, db_default=True)
    position = models.PositiveSmallIntegerField(
        _("position"), default=100, db_default=100, help_text=_("Lower ones stand higher in menus.")
    )
    kernel = models.ForeignKey(
        BootFile,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="kernel_of",
        verbose_name=_("kernel"),
    )
    cmdline = models.CharField(
        _("command line"),
        max_length=names.LONGEST_CMDLINE,
        blank=True,
        default="",
        db_default="",
        validators=[names.check_cmdline],
        help_text=_("Arguments of the kernel. Everybody on the network can read them: no secrets."),
    )
    answers = models.ForeignKey(
        BootAnswers,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="images",
        verbose_name=_("answer file"),
        help_text=_(
            "For unattended installations; given only to the server itself, by a one-time permit."
        ),
    )
    chain_url = models.CharField(
        _("chain URL"),
        max_length=500,
        blank=True,
        default="",
        db_default="",
        validators=[names.check_url],
    )
    history = DatabaseHistory(table_name="boot_images_history")
    objects = ImageQuerySet.as_manager()

    class Meta:
        db_table = "boot_images"
        ordering = ["position", "name"]
        verbose_name = _("boot image")
        verbose_name_plural = _("boot images")
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=["linux", "chain"]), name="boot_images_kind"
            ),
            models.CheckConstraint(
                condition=Q(arch__in=["any", "bios", "uefi", "arm64"]), name="boot_images_arch"
            ),
            models.CheckConstraint(
                condition=Q(kind="chain") | Q(kernel__isnull=False),
                name="boot_images_linux_has_a_kernel",
                violation_error_message=_("An image that boots a kernel names the kernel."),
            ),
            models.CheckConstraint(
                condition=Q(kind="linux") | ~Q(chain_url=""),
                name="boot_images_chain_has_a_url",
                violation_error_message=_("An image that chains names the URL."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def check_ledger(self) -> None:
        rules.check_image(self)

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            self._save_initrds()

    @property
    def initrds(self) -> list[BootFile]:
        """The files in loading order. Setting the list takes effect at `save()`."""
        assigned = self.__dict__.get("_new_initrds")
        if assigned is not None:
            return list(assigned)
        if not self.pk:
            return []
        return [row.file for row in self.initrd_rows.all()]

    @initrds.setter
    def initrds(self, files: Iterable[BootFile]) -> None:
        self.__dict__["_new_initrds"] = list(files)

    def _save_initrds(self) -> None:
        wanted = self.__dict__.pop("_new_initrds", None)
        if wanted is None or wanted == [row.file for row in self.initrd_rows.all()]:
            return
        self.initrd_rows.all().delete()
        for position, file in enumerate(wanted, 1):
            BootInitrd(image=self, file=file, position=position).save()


class BootInitrd(models.Model):
    """An initrd of an image, with its position in the loading order."""

    image = models.ForeignKey(
        BootImage, models.CASCADE, related_name="initrd_rows", verbose_name=_("boot image")
    )
    file = models.ForeignKey(
        BootFile, models.PROTECT, related_name="initrd_rows", verbose_name=_("file")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=1, db_default=1)
    history = DatabaseHistory(table_name="boot_initrds_history")

    class Meta:
        db_table = "boot_initrds"
        ordering = ["position", "pk"]
        verbose_name = _("initrd")
        verbose_name_plural = _("initrds")
        constraints = [models.UniqueConstraint(fields=["image", "file"], name="boot_initrds_once")]

    def __str__(self) -> str:
        return self.file.name


class BootMenu(BootModel):
    """A menu on the boot screen, for some servers, some subnets, or every other machine."""

    name = models.CharField(_("name"), max_length=60, unique=True, validators=[names.check_label])
    title = models.CharField(_("title"), max_length=70, validators=[names.check_label])
    is_default = models.BooleanField(
        _("default menu"),
        default=False,
        db_default=False,
        help_text=_("For every machine without a menu of its own."),
    )
    parent = models.ForeignKey(
        "self",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="submenus",
        verbose_name=_("shown in"),
        help_text=_("Makes this a submenu of another menu."),
    )
    all_images = models.BooleanField(
        _("every image"),
        default=True,
        db_default=True,
        help_text=_("Every enabled image; else those chosen here."),
    )
    images = models.ManyToManyField(
        BootImage,
        blank=True,
        related_name="menus",
        db_table="boot_menu_images",
        verbose_name=_("images"),
    )
    default_image = models.ForeignKey(
        BootImage,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="default_of",
        verbose_name=_("default"),
        help_text=_("What boots when nobody presses a key. Empty: the local disk."),
    )
    timeout = models.PositiveSmallIntegerField(
        _("timeout (s)"),
        default=5,
        db_default=5,
        validators=[MaxValueValidator(3600)],
        help_text=_("0 waits for ever."),
    )
    shell = models.BooleanField(_("iPXE shell"), default=True, db_default=True)
    history = DatabaseHistory(table_name="boot_menus_history")
    objects = MenuQuerySet.as_manager()

    class Meta:
        db_table = "boot_menus"
        ordering = ["name"]
        verbose_name = _("boot menu")
        verbose_name_plural = _("boot menus")
        constraints = [
            models.UniqueConstraint(
                fields=["is_default"],
                condition=Q(is_default=True),
                name="boot_menus_one_default",
                violation_error_message=_("Another menu is the default menu."),
            )
        ]

    def __str__(self) -> str:
        return self.name

    def check_ledger(self) -> None:
        rules.check_menu(self)


register(
    BootMenu.images.through,
    app="pxe",
    records_class=DatabaseHistory,
    table_name="boot_menu_images_history",
)


class MenuServer(models.Model):
    """A server that gets this menu."""

    menu = models.ForeignKey(
        BootMenu, models.CASCADE, related_name="server_rows", verbose_name=_("boot menu")
    )
    server = models.OneToOneField(
        Server, models.CASCADE, related_name="boot_menu_row", verbose_name=_("server")
    )
    history = DatabaseHistory(table_name="boot_menu_servers_history")

    class Meta:
        db_table = "boot_menu_servers"
        verbose_name = _("server")
        verbose_name_plural = _("servers")

    def __str__(self) -> str:
        return str(self.server)


class MenuSubnet(models.Model):
    """A subnet whose machines get this menu, unless they or a smaller subnet have their own."""

    menu = models.ForeignKey(
        BootMenu, models.CASCADE, related_name="subnet_rows", verbose_name=_("boot menu")
    )
    subnet = models.OneToOneField(
        Subnet, models.CASCADE, related_name="boot_menu_row", verbose_name=_("subnet")
    )
    history = DatabaseHistory(table_name="boot_menu_subnets_history")

    class Meta:
        db_table = "boot_menu_subnets"
        verbose_name = _("subnet")
        verbose_name_plural = _("subnets")

    def __str__(self) -> str:
        return str(self.subnet)


class BootIdentity(models.Model):
    """The UUID or serial number of a server's firmware, for machines whose MAC is not in the
    ledger."""

    server = models.OneToOneField(
        Server, models.CASCADE, related_name="boot_identity", verbose_name=_("server")
    )
    uuid = models.UUIDField(_("UUID"), null=True, blank=True, unique=True)
    serial = models.CharField(
        _("serial number"), max_length=100, blank=True, default="", db_default=""
    )
    history = DatabaseHistory(table_name="boot_identities_history")

    class Meta:
        db_table = "boot_identities"
        verbose_name = _("firmware identity")
        verbose_name_plural = _("firmware identities")
        constraints = [
            models.UniqueConstraint(
                fields=["serial"], condition=~Q(serial=""), name="boot_identities_serial"
            )
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.uuid or ''} {self.serial}".strip()

    def clean(self) -> None:
        rules.check_identity(self)

    def save(self, **kwargs: Any) -> None:
        self.full_clean()
        super().save(**kwargs)


class BootAssignment(BootModel):
    """What a server boots: always, or once and then its disk again."""

    class Mode(models.TextChoices):
        ALWAYS = "always", _("always")
        ONCE = "once", _("once")

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        OFFERED = "offered", _("offered")
        DONE = "done", _("done")
        GIVEN_UP = "given_up", _("given up")
        TIMED_OUT = "timed_out", _("timed out")

    class EndsWith(models.TextChoices):
        START = "start", _("its files have been fetched")
        CALLBACK = "callback", _("the installed system calls back")

    server = models.ForeignKey(
        Server, models.CASCADE, related_name="boot_assignments", verbose_name=_("server")
    )
    image = models.ForeignKey(
        BootImage,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="assignments",
        verbose_name=_("boot image"),
        help_text=_("Empty: the local disk."),
    )
    mode = models.CharField(
        _("mode"), max_length=6, choices=Mode, default=Mode.ONCE, db_default=Mode.ONCE
    )
    ends_with = models.CharField(
        _("done when"),
        max_length=8,
        choices=EndsWith,
        default=EndsWith.CALLBACK,
        db_default=EndsWith.CALLBACK,
        help_text=_("Only for “once”."),
    )
    max_attempts = models.PositiveSmallIntegerField(
        _("attempts"),
        default=3,
        db_default=3,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("After so many attempts the machine boots its disk."),
    )
    time_limit = models.PositiveIntegerField(
        _("time limit (min)"),
        default=120,
        db_default=120,
        validators=[MinValueValidator(1), MaxValueValidator(10080)],
        help_text=_("Counted from the first attempt; after it the machine boots its disk."),
    )
    state = models.CharField(
        _("state"),
        max_length=9,
        choices=State,
        default=State.WAITING,
        db_default=State.WAITING,
        editable=False,
    )
    attempts = models.PositiveSmallIntegerField(
        _("attempts made"), default=0, db_default=0, editable=False
    )
    first_offered_at = models.DateTimeField(
        _("first offered"), null=True, blank=True, editable=False
    )
    last_offered_at = models.DateTimeField(_("last offered"), null=True, blank=True, editable=False)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, editable=False)
    history = DatabaseHistory(
        table_name="boot_assignments_history",
        excluded_fields=["attempts", "first_offered_at", "last_offered_at"],
    )
    objects = AssignmentQuerySet.as_manager()

    class Meta:
        db_table = "boot_assignments"
        ordering = ["-pk"]
        verbose_name = _("boot assignment")
        verbose_name_plural = _("boot assignments")
        constraints = [
            models.UniqueConstraint(
                fields=["server", "mode"],
                condition=Q(state__in=["waiting", "offered"]),
                name="boot_assignments_open",
                violation_error_message=_("This server has an open assignment of this mode."),
            ),
            models.CheckConstraint(
                condition=Q(mode__in=["always", "once"]), name="boot_assignments_mode"
            ),
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "offered", "done", "given_up", "timed_out"]),
                name="boot_assignments_state",
            ),
            models.CheckConstraint(
                condition=Q(attempts__lte=F("max_attempts")), name="boot_assignments_attempts"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.server}: {self.image or _('local disk')} ({self.get_mode_display()})"

    def check_ledger(self) -> None:
        rules.check_assignment(self)

    @property
    def is_open(self) -> bool:
        return self.state in (self.State.WAITING, self.State.OFFERED)


class BootPermit(models.Model):
    """A server's one-time permit to fetch its answer file and to call back. Only digests of the
    secrets are stored."""

    assignment = models.ForeignKey(BootAssignment, models.CASCADE, related_name="permits")
    digest = models.CharField(max_length=64, unique=True)
    callback_digest = models.CharField(max_length=64, unique=True)
    ip_address = AddressField(_("IP address"))
    issued_at = models.DateTimeField()
    fetch_until = models.DateTimeField()

    class Meta:
        db_table = "boot_permits"
        verbose_name = _("boot permit")
        verbose_name_plural = _("boot permits")

    def __str__(self) -> str:
        return f"{self.assignment_id} {self.ip_address}"


class BootEvent(models.Model):
    """A step of a machine's boot. Of an unknown machine only the last event of each kind."""

    class Kind(models.TextChoices):
        DHCP = "dhcp", _("asked DHCP for a boot file")
        LOADER = "loader", _("fetched its boot loader")
        MENU = "menu", _("was shown a menu")
        OFFER = "offer", _("was given an image")
        LOCAL = "local", _("was sent to its disk")
        CHOSEN = "chosen", _("chose from the menu")
        DISK = "disk", _("boots its disk")
        FAILED = "failed", _("could not start the image")
        MISSING = "missing", _("asked for a file that is missing")
        FILE = "file", _("fetched a file")
        ANSWER = "answer", _("fetched an answer file")
        DONE = "done", _("called back")
        ENDED = "ended", _("assignment ended")
        REFUSED = "refused", _("was refused")

    server = models.ForeignKey(
        Server,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="boot_events",
        db_index=False,
        verbose_name=_("server"),
    )
    at = models.DateTimeField(_("when"), default=timezone.now, db_default=Now())
    kind = models.CharField(_("event"), max_length=7, choices=Kind)
    ip_address = AddressField(_("IP address"), null=True, blank=True)
    mac_address = MACField(_("MAC address"), null=True, blank=True)
    firmware = models.CharField(_("firmware"), max_length=5, default="", db_default="", blank=True)
    image = models.ForeignKey(
        BootImage, models.SET_NULL, null=True, blank=True, verbose_name=_("boot image")
    )
    assignment = models.ForeignKey(
        BootAssignment,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="events",
        verbose_name=_("boot assignment"),
    )
    detail = models.CharField(_("detail"), max_length=300, default="", db_default="", blank=True)
    objects = BootEventQuerySet.as_manager()

    class Meta:
        db_table = "boot_events"
        ordering = ["-at", "-pk"]
        verbose_name = _("boot event")
        verbose_name_plural = _("boot events")
        constraints = [
            models.UniqueConstraint(
                fields=["ip_address", "kind"], condition=Q(server=None), name="boot_events_unknown"
            )
        ]
        indexes = [
            models.Index(fields=["server", "-id"], name="boot_events_server"),
            models.Index(fields=["ip_address", "-id"], name="boot_events_ip"),
            models.Index(fields=["-at", "-id"], name="boot_events_at"),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.get_kind_display()}"
