namespace Lora.Bench;

/// <summary>Prints rows as a Markdown table.</summary>
internal static class Table
{
    public static void Head(params string[] titles)
    {
        Row(titles);
        Row([.. titles.Select(_ => "---")]);
    }

    public static void Row(params string[] cells) => Console.WriteLine($"| {string.Join(" | ", cells)} |");
}
