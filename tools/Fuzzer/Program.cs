using System.Globalization;
using Lora.Tools.Fuzzer;

// Damages real files and gives them to every reader: dotnet run -c Release --project tools/Fuzzer -- [count] [reader...] [--seed number]
if (args is [FuzzedProcess.Word, ..])
{
    return FuzzedProcess.Run(args[1..]);
}

int seedAt = Array.IndexOf(args, "--seed");
int seed = seedAt >= 0 && seedAt + 1 < args.Length ? int.Parse(args[seedAt + 1], CultureInfo.InvariantCulture) : 1;
string[] rest = [.. args.Where((_, index) => seedAt < 0 || (index != seedAt && index != seedAt + 1))];
int count = rest.Length > 0 && int.TryParse(rest[0], CultureInfo.InvariantCulture, out int asked) ? asked : 10_000;
string[] names = [.. rest.Where(word => !int.TryParse(word, CultureInfo.InvariantCulture, out _))];
string[] unknown = [.. names.Where(name => AllReaders.Find(name) is null)];
if (unknown.Length > 0)
{
    Console.Error.WriteLine($"There is no reader {string.Join(", ", unknown)}. Readers: {string.Join(", ", AllReaders.Usual.Select(reader => reader.Name))}");
    return 2;
}

return new Campaign(seed, count, names.Length == 0 ? AllReaders.Usual : [.. names.Select(name => AllReaders.Find(name)!)]).Run();
