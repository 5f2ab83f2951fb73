using System.Diagnostics;
using Lora.Checkpoints;

namespace Lora.Tests.Checkpoints;

public sealed class LockFileTests : IDisposable
{
    private const string Flock = "/usr/bin/flock";

    private readonly TemporaryFolder folder = new();

    private string Lock => folder.File("locks/one.lock");

    public void Dispose() => folder.Dispose();

    [Fact]
    public async Task Who_comes_second_waits_until_the_first_lets_go_and_is_told_once()
    {
        int waits = 0;
        FileStream first = await HoldAsync();
        Task<FileStream> second = LockFile.HoldAsync(Lock, () => waits++, TestContext.Current.CancellationToken);
        Assert.False(second.IsCompleted);
        Assert.Equal(1, waits);

        first.Dispose();
        using FileStream held = await second;
        Assert.Equal(1, waits);
    }

    [Fact]
    public async Task The_wait_ends_when_it_is_cancelled()
    {
        using FileStream first = await HoldAsync();
        using CancellationTokenSource cancellation = new();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LockFile.HoldAsync(Lock, cancellation.Cancel, cancellation.Token));
    }

    [Fact]
    public async Task Who_opened_it_before_it_was_let_go_holds_what_all_others_wait_for()
    {
        Assert.SkipUnless(File.Exists(Flock), "There is no program 'flock' here.");
        FileStream first = await HoldAsync();
        using Process second = Process.Start(new ProcessStartInfo(Flock, ["-x", Lock, "sh", "-c", "echo held; exec sleep 60"]) { RedirectStandardOutput = true })!;
        try
        {
            // The program opens the file and then waits for it: from here on it has the file that there is now.
            string[] open;
            do
            {
                await Task.Delay(10, TestContext.Current.CancellationToken);
                open = [.. Directory.GetFiles($"/proc/{second.Id}/fd").Select(link => new FileInfo(link).LinkTarget ?? "")];
            }
            while (!open.Contains(Lock));

            first.Dispose();
            Assert.Equal("held", await second.StandardOutput.ReadLineAsync(TestContext.Current.CancellationToken));
            using CancellationTokenSource cancellation = new();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => LockFile.HoldAsync(Lock, cancellation.Cancel, cancellation.Token));
        }
        finally
        {
            second.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_is_no_wait()
    {
        Directory.CreateDirectory(Lock);
        await Assert.ThrowsAnyAsync<Exception>(() => LockFile.HoldAsync(Lock, () => Assert.Fail("There is nobody."), TestContext.Current.CancellationToken));
    }

    private Task<FileStream> HoldAsync() => LockFile.HoldAsync(Lock, () => Assert.Fail("There is nobody."), TestContext.Current.CancellationToken);
}
