using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

/// <summary>What Windows says of open files, thrown by a stand-in.</summary>
public sealed class FileChangesTests
{
    private const int SharingViolation = unchecked((int)0x80070020);

    private readonly List<int> waits = [];
    private int attempts;

    [Fact]
    public void A_file_that_is_open_for_a_moment_is_changed_when_it_is_closed()
    {
        FileChanges.Try(FailsUntil(3, new IOException("in use", SharingViolation)), "x", waits.Add, isWindows: false);
        Assert.Equal((3, "50 100"), (attempts, string.Join(' ', waits)));
    }

    [Fact]
    public void One_that_stays_open_is_named_after_half_a_second()
    {
        IOException exception = Assert.Throws<IOException>(() => FileChanges.Try(FailsUntil(99, new IOException("in use", SharingViolation)), "adapter_model.safetensors", waits.Add, isWindows: true));
        Assert.Equal("'adapter_model.safetensors' is open in another program.", exception.Message);
        Assert.Equal(500, waits.Sum());
    }

    [Fact]
    public void A_denied_access_may_be_an_open_file_under_Windows_alone_and_is_told_as_it_is()
    {
        Assert.Throws<UnauthorizedAccessException>(() => FileChanges.Try(FailsUntil(99, new UnauthorizedAccessException("denied")), "x", waits.Add, isWindows: true));
        Assert.Equal(500, waits.Sum());
        Assert.Throws<UnauthorizedAccessException>(() => FileChanges.Try(FailsUntil(99, new UnauthorizedAccessException("denied")), "x", waits.Add, isWindows: false));
        Assert.Equal(500, waits.Sum());
    }

    [Fact]
    public void Another_failure_is_not_waited_for()
    {
        Assert.Throws<IOException>(() => FileChanges.Try(FailsUntil(99, new IOException("no space")), "x", waits.Add, isWindows: true));
        Assert.Empty(waits);
    }

    private Action FailsUntil(int attempt, Exception exception) => () =>
    {
        if (++attempts < attempt)
        {
            throw exception;
        }
    };
}
