using Lora.Tests.Hubs;

// dotnet LocalHub.dll FOLDER [LATENCY]: a hub whose models are the folders ORG/NAME below FOLDER. It prints its address, the address of its other host and
// the user's token, then each request as it comes, and ends with its standard input.
using LocalHub hub = new()
{
    Latency = TimeSpan.FromMilliseconds(args.Length > 1 ? int.Parse(args[1], null) : 0),
};
hub.Heard = request => Console.WriteLine($"{request}{(request.Token is null ? "" : " (with a token)")}");
foreach (string folder in args.Take(1).SelectMany(Directory.GetDirectories).SelectMany(Directory.GetDirectories))
{
    hub.Add($"{Path.GetFileName(Path.GetDirectoryName(folder))}/{Path.GetFileName(folder)}", folder);
}

Console.WriteLine(hub.Address);
Console.WriteLine(hub.StorageAddress);
Console.WriteLine(hub.Token);
await Console.In.ReadToEndAsync();
