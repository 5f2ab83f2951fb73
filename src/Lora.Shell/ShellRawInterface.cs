using System.Management.Automation.Host;

namespace Lora.Shell;

/// <summary>The console's size, which the formatter asks for; there is no screen buffer to read or draw into.</summary>
internal sealed class ShellRawInterface : PSHostRawUserInterface
{
    private const int RedirectedWidth = 120;
    private const int RedirectedHeight = 50;

    public override Size WindowSize { get; set; } = Console.IsOutputRedirected || Console.WindowWidth <= 0
        ? new Size(RedirectedWidth, RedirectedHeight)
        : new Size(Console.WindowWidth, Console.WindowHeight);

    public override Size BufferSize
    {
        get => WindowSize;
        set => WindowSize = value;
    }

    public override Size MaxWindowSize => WindowSize;

    public override Size MaxPhysicalWindowSize => WindowSize;

    public override ConsoleColor ForegroundColor { get; set; } = ConsoleColor.Gray;

    public override ConsoleColor BackgroundColor { get; set; } = ConsoleColor.Black;

    public override Coordinates CursorPosition { get; set; }

    public override Coordinates WindowPosition { get; set; }

    public override int CursorSize { get; set; } = 25;

    public override string WindowTitle { get; set; } = "Lora";

    public override bool KeyAvailable => false;

    public override void FlushInputBuffer() => throw NoScreen();

    public override KeyInfo ReadKey(ReadKeyOptions options) => throw NoScreen();

    public override BufferCell[,] GetBufferContents(Rectangle rectangle) => throw NoScreen();

    public override void ScrollBufferContents(Rectangle source, Coordinates destination, Rectangle clip, BufferCell fill) => throw NoScreen();

    public override void SetBufferContents(Coordinates origin, BufferCell[,] contents) => throw NoScreen();

    public override void SetBufferContents(Rectangle rectangle, BufferCell fill) => throw NoScreen();

    private static HostException NoScreen() => new("This shell has no screen buffer.");
}
