namespace Lora.Tests.Text.Chat;

/// <summary>A clock that always says the same.</summary>
internal sealed class StoppedClock(DateTime time) : TimeProvider
{
    public override TimeZoneInfo LocalTimeZone => TimeZoneInfo.Utc;

    public override DateTimeOffset GetUtcNow() => new(time, TimeSpan.Zero);
}
